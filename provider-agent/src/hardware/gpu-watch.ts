import { readAmdGpus } from './amd-reading.ts'
import type { CommandRunner } from './command-runner.ts'
import { busiestDrawing } from './drawing-programs.ts'
import { READING_FIELDS, readGpus, type GpuReading } from './gpu-reading.ts'
import { GPU_WATCH_INTERVAL_MS } from './hardware-limits.ts'
import type { KernelFiles } from './kernel-files.ts'
import { roomOf, type Room, type RoomLimits } from './room.ts'

export interface GpuWatchOptions {
  /** Asks NVIDIA's driver. */
  readonly run: CommandRunner
  /** Where AMD's driver tells; absent: it is not asked. */
  readonly files?: KernelFiles
  readonly limits: RoomLimits
  /** No GPU can be looked at; called once until one can again. */
  readonly onBlind?: () => void
  /** At least {@link GPU_WATCH_INTERVAL_MS} outside of tests. */
  readonly intervalMs?: number
}

/** Looks at the GPUs again and again, one look at a time, and says whether there is room for jobs. */
export class GpuWatch {
  readonly #options: GpuWatchOptions
  #fields: readonly string[] = READING_FIELDS
  /** Makers whose GPUs have been seen: where one's are gone, those of the other do not stand for them. */
  readonly #makers = new Set<number>()
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
    const { files, run, limits, onBlind, intervalMs = GPU_WATCH_INTERVAL_MS } = this.#options
    const [nvidia, amd] = await Promise.all([
      readGpus(run, this.#fields),
      files === undefined ? [] : readAmdGpus(files),
    ])
    const readings = this.#seen(nvidia.readings, amd)
    const drawnNow = await this.#drawn()
    if (this.#isClosed) return
    this.#fields = nvidia.fields
    if (readings.length === 0 && !this.#isBlind) onBlind?.()
    this.#isBlind = readings.length === 0
    const looks = { now: readings, before: this.#before, drawnNow, drawnBefore: this.#drawnBefore }
    const state = { was: this.#room, worked: this.#worked, ...looks }
    this.#room = roomOf(state, limits)
    this.#readings = readings
    // What our own jobs have made of a GPU says nothing of others the next time either.
    this.#before = this.#worked ? [] : readings
    this.#drawnBefore = drawnNow
    this.#worked = false
    this.#timer = setTimeout(() => void this.#look(), intervalMs).unref()
  }

  /** All GPUs; none where a maker's are gone that were there before. */
  #seen(...makers: readonly (readonly GpuReading[])[]): readonly GpuReading[] {
    for (const [maker, readings] of makers.entries()) {
      if (readings.length > 0) this.#makers.add(maker)
      else if (this.#makers.has(maker)) return []
    }
    return makers.flat()
  }

  /** Asked while jobs of ours run only: else all that a GPU does is of others. */
  async #drawn(): Promise<number | undefined> {
    const { run, limits } = this.#options
    return this.#worked && limits.pauseWhenBusy === true ? busiestDrawing(run) : undefined
  }
}
