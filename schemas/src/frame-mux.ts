import { assertPayload, frameBytes, writeFrame, type FrameType } from './frame.ts'
import { MAX_FRAMES_PER_MESSAGE } from './limits.ts'

interface PendingFrame {
  readonly type: FrameType
  readonly channel: number
  readonly payload: Uint8Array
}

/** A message leaves early at this size, so that coalescing never delays or bloats a burst. */
export const FLUSH_BYTES = 64 * 1024

/** With more jobs than this on a connection, whole jobs gather for a moment. */
const CROWD_JOBS = 4
const CROWD_DELAY_MS = 1

/**
 * How long a frame that begins a job may wait for others, in ms, where so many jobs are under way on its
 * connection. In a crowd nobody misses a millisecond, and fewer, larger messages take a fifth less processor
 * at both ends. Answers never wait: an agent that is busy sends those of one turn together anyway.
 */
export const gatherMs = (jobs: number): number => (jobs > CROWD_JOBS ? CROWD_DELAY_MS : 0)

/**
 * Puts frames that are written one after the other into one WebSocket message: no delay when idle, and
 * half the system calls and context switches under load.
 *
 * `schedule(flush, delayMs)` has `flush` run once the delay is over; with a `delayMs` of 0, at the end of
 * this turn of the event loop (`setImmediate` on Node). A host without timers runs it at once.
 */
export class FrameMux {
  readonly #send: (message: Uint8Array<ArrayBuffer>) => void
  readonly #schedule: (flush: () => void, delayMs: number) => void
  readonly #pending: PendingFrame[] = []
  #bytes = 0
  /** The shortest delay that was scheduled for what is pending. */
  #delayMs = Number.POSITIVE_INFINITY

  constructor(
    send: (message: Uint8Array<ArrayBuffer>) => void,
    schedule: (flush: () => void, delayMs: number) => void,
  ) {
    this.#send = send
    this.#schedule = schedule
  }

  /**
   * Sends the frame with this turn's message. `payload` must not change afterwards. Throws
   * FrameError, and sends nothing, for a payload over its type's limit.
   */
  write(type: FrameType, channel: number, payload: Uint8Array): void {
    this.writeLazily(type, channel, payload, 0)
  }

  /**
   * Sends the frame with the next message, and within `delayMs` at the latest (a delayed
   * acknowledgement). Otherwise like {@link write}.
   */
  writeLazily(type: FrameType, channel: number, payload: Uint8Array, delayMs: number): void {
    // Checked here and not when flushed, where it would take other frames down with it.
    assertPayload(type, payload.length)
    this.#pending.push({ type, channel, payload })
    this.#bytes += frameBytes(payload)
    const isFull = this.#bytes >= FLUSH_BYTES || this.#pending.length >= MAX_FRAMES_PER_MESSAGE
    if (isFull) this.flush()
    else if (delayMs < this.#delayMs) {
      this.#delayMs = delayMs
      this.#schedule(this.flush, delayMs)
    }
  }

  /** Sends what is pending, now. */
  readonly flush = (): void => {
    this.#delayMs = Number.POSITIVE_INFINITY
    if (this.#pending.length === 0) return
    // Emptied, not replaced: an old array that is dropped keeps what it held from the young collector.
    const frames = this.#pending.splice(0)
    const message = new Uint8Array(this.#bytes)
    this.#bytes = 0
    let offset = 0
    for (const frame of frames) {
      offset = writeFrame(message, offset, frame.type, frame.channel, frame.payload)
    }
    this.#send(message)
  }
}
