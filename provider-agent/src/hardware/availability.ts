import type { GpuWatch } from './gpu-watch.ts'
import { isOpenAt, localTimeOf, type Hours } from './hours.ts'
import type { Room } from './room.ts'

/** What keeps jobs out. */
export type ClosedBy = 'hours' | Exclude<Room, 'open'>

export interface AvailabilityOptions {
  /** When jobs may come in; absent: at all times. */
  readonly hours?: Hours | undefined
  /** What else keeps them out. */
  readonly watch?: GpuWatch | undefined
  /** The owner wants the engine to keep its memory while jobs are kept out. */
  readonly keepsLoaded?: boolean | undefined
}

/** When the owner lets jobs in. */
export class Availability {
  readonly #options: AvailabilityOptions
  #closedBy: ClosedBy | undefined

  constructor(options: AvailabilityOptions) {
    this.#options = options
  }

  /** Undefined: jobs may come in. */
  get closedBy(): ClosedBy | undefined {
    return this.#closedBy
  }

  get keepsLoaded(): boolean {
    return this.#options.keepsLoaded === true
  }

  /** Begins to look at the GPUs. `now` in ms since the epoch. */
  start(now: number): void {
    this.#options.watch?.start()
    this.tick(now, 0)
  }

  /** Whether it has changed by `now`; call it a few times a second. `running`: what of ours is in work. */
  tick(now: number, running: number): boolean {
    const { hours, watch } = this.#options
    if (running > 0) watch?.works()
    const before = this.#closedBy
    const room = watch?.room ?? 'open'
    if (hours !== undefined && !isOpenAt(hours, localTimeOf(now))) this.#closedBy = 'hours'
    else this.#closedBy = room === 'open' ? undefined : room
    return this.#closedBy !== before
  }

  close(): void {
    this.#options.watch?.close()
  }
}

/** What the owner reads of it. */
export const CLOSED_WORDS: Readonly<Record<ClosedBy, string>> = {
  hours: 'it is outside of --hours',
  hot: 'a GPU is as hot as --max-temp',
  power: 'a GPU draws as much as --max-watts',
  memory: 'a GPU has less memory free than --keep-vram',
  in_use: 'somebody else uses a GPU',
}
