import type { CommandRunner } from './command-runner.ts'
import { CountedGpus } from './counted-gpus.ts'
import { busiestDrawing } from './drawing-programs.ts'
import { READING_FIELDS, readGpus, type GpuReading } from './gpu-reading.ts'
import { GPU_WATCH_INTERVAL_MS } from './hardware-limits.ts'
import { roomOf, type Room, type RoomLimits } from './room.ts'

export interface GpuWatchOptions {
  /** Asks NVIDIA's driver. */
  readonly run: CommandRunner
  /** AMD's GPUs as they are now, none where a driver does not answer; absent: they are not looked at. */
  readonly amd?: () => Promise<readonly GpuReading[]>
  readonly limits: RoomLimits
  /** No GPU can be looked at, or not all that were there before; called once until they can again. */
  readonly onBlind?: (which: 'all' | 'some') => void
  /** At least {@link GPU_WATCH_INTERVAL_MS} outside of tests. */
  readonly intervalMs?: number
}

/** Looks at the GPUs again and again, one look at a time, and says whether there is room for jobs. */
export class GpuWatch {
  readonly #options: GpuWatchOptions
  #fields: readonly string[] = READING_FIELDS
  readonly #counted = new CountedGpus()
  #readings: readonly GpuReading[] = []
  #before: readonly GpuReading[] = []
  #drawnBefore: number | undefined
  #room: Room = 'open'
  #worked = false
  #isBlind = false
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: GpuWatchOptions) {
    this.#options = options
  }

  get room(): Room {
    return this.#room
  }

  /** The last look. */
  get readings(): readonly GpuReading[] {
    return this.#readings
  }

  start(): void {
    void this.#look()
  }

  /** A job of ours runs: until the next look, the GPUs are busy with it. */
  works(): void {
    this.#worked = true
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  async #look(): Promise<void> {
    const { run, amd, limits, onBlind, intervalMs = GPU_WATCH_INTERVAL_MS } = this.#options
    const [nvidia, amds] = await Promise.all([readGpus(run, this.#fields), amd?.() ?? []])
    const { readings, isPartial } = this.#counted.look(nvidia.readings, amds)
    const drawnNow = await this.#drawn()
    if (this.#isClosed) return
    this.#fields = nvidia.fields
    const isBlind = readings.length === 0 || isPartial
    if (isBlind && !this.#isBlind) onBlind?.(readings.length === 0 ? 'all' : 'some')
    this.#isBlind = isBlind
    const looks = { now: readings, before: this.#before, drawnNow, drawnBefore: this.#drawnBefore }
    const state = { was: this.#room, worked: this.#worked, isPartial, ...looks }
    this.#room = roomOf(state, limits)
    this.#readings = readings
    // What our own jobs have made of a GPU says nothing of others the next time either.
    this.#before = this.#worked ? [] : readings
    this.#drawnBefore = drawnNow
    this.#worked = false
    this.#timer = setTimeout(() => void this.#look(), intervalMs).unref()
  }

  /** Asked while jobs of ours run only: else all that a GPU does is of others. */
  async #drawn(): Promise<number | undefined> {
    const { run, limits } = this.#options
    return this.#worked && limits.pauseWhenBusy === true ? busiestDrawing(run) : undefined
  }
}
