import { FRAME, type FrameType } from '@infernet/schemas/frame'
import { encodeControl, type Capability, type Load } from '@infernet/schemas/wire'
import { CAPABILITY_INTERVAL_MS, LOAD_INTERVAL_MS } from '../limits.ts'

export interface ReportsOptions {
  /** Writes a frame on channel 0. */
  readonly write: (type: FrameType, payload: Uint8Array) => void
  readonly capability: () => Capability
  /** Jobs that run now. */
  readonly running: () => number
}

/** What one connection's edge is told unasked: what it can do now and the load, both at a bounded rate. */
export class Reports {
  readonly #options: ReportsOptions
  #isStale = false
  #capabilitySentAt = 0
  #load: Load = { running: 0, waiting: 0 }
  #loadSentAt = 0

  constructor(options: ReportsOptions) {
    this.#options = options
  }

  /** Tells of a new capability record at once, or when the last is old enough. `now` in ms. */
  capabilityChanged(now: number): void {
    this.#isStale = true
    this.#advertise(now)
  }

  /** Sends what is due; call it a few times a second. `now` in ms. */
  tick(now: number): void {
    this.#advertise(now)
    const running = this.#options.running()
    if (running === this.#load.running || now - this.#loadSentAt < LOAD_INTERVAL_MS) return
    this.#load = { running, waiting: 0 }
    this.#loadSentAt = now
    this.#options.write(FRAME.load, encodeControl(this.#load))
  }

  #advertise(now: number): void {
    if (!this.#isStale || now - this.#capabilitySentAt < CAPABILITY_INTERVAL_MS) return
    this.#isStale = false
    this.#capabilitySentAt = now
    this.#options.write(FRAME.capability, encodeControl(this.#options.capability()))
  }
}
