import { FRAME, type FrameType } from '@infernet/schemas/frame'
import { encodeControl, type Load, type SignedCapability } from '@infernet/schemas/wire'
import { CAPABILITY_INTERVAL_MS, FIGURES_INTERVAL_MS, LOAD_INTERVAL_MS } from '../limits.ts'

export interface ReportsOptions {
  /** Writes a frame on channel 0. */
  readonly write: (type: FrameType, payload: Uint8Array) => void
  readonly capability: () => SignedCapability
  readonly load: () => Load
}

/** What one connection's edge is told unasked: what it can do now and the load, both at a bounded rate. */
export class Reports {
  readonly #options: ReportsOptions
  #isStale = false
  #capabilitySentAt = Number.NEGATIVE_INFINITY
  #load: Load = { running: 0, waiting: 0 }
  #loadSentAt = Number.NEGATIVE_INFINITY

  constructor(options: ReportsOptions) {
    this.#options = options
  }

  /** Tells of a new capability record at once, or when the last is old enough. `now` of the monotonic clock. */
  capabilityChanged(now: number): void {
    this.#isStale = true
    this.#advertise(now)
  }

  /** Sends what is due; call it a few times a second. `now` of the monotonic clock. */
  tick(now: number): void {
    this.#advertise(now)
    if (now - this.#loadSentAt < LOAD_INTERVAL_MS) return
    const load = this.#options.load()
    const interval = intervalOf(this.#load, load)
    if (interval === undefined || now - this.#loadSentAt < interval) return
    this.#load = load
    this.#loadSentAt = now
    this.#options.write(FRAME.load, encodeControl(load))
  }

  #advertise(now: number): void {
    if (!this.#isStale || now - this.#capabilitySentAt < CAPABILITY_INTERVAL_MS) return
    this.#isStale = false
    this.#capabilitySentAt = now
    this.#options.write(FRAME.capability, encodeControl(this.#options.capability()))
  }
}

/** What jobs are given by; and what is only good to know. */
const URGENT = ['running', 'waiting', 'slots', 'cache_since'] as const
const FIGURES = ['kv_use', 'tokens_per_second', 'ttft_ms'] as const

/** How long after the last report this one may come, in ms; undefined when nothing is new. */
function intervalOf(before: Load, now: Load): number | undefined {
  if (URGENT.some((name) => before[name] !== now[name])) return LOAD_INTERVAL_MS
  return FIGURES.some((name) => before[name] !== now[name]) ? FIGURES_INTERVAL_MS : undefined
}
