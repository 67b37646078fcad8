import { randomBytes } from 'node:crypto'

/** A few pings may all have been slow, when a line is full. */
export const ENOUGH_ROUND_TRIPS = 8
/** So that none can be answered before it has come. */
const NONCE_BYTES = 8

/**
 * How long a message needs to whoever is connected and back, at the least. Each ping has a nonce: an answer can be
 * slow, but never early.
 */
export class RoundTrips {
  readonly #now: () => number
  #open: { readonly nonce: Buffer; readonly sentAt: number } | undefined
  #shortest = Number.POSITIVE_INFINITY
  #count = 0

  /** `now` in ms, of a clock that nobody sets. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** The payload of a ping that is sent now. One that was not answered is given up. */
  ping(): Buffer {
    const nonce = randomBytes(NONCE_BYTES)
    this.#open = { nonce, sentAt: this.#now() }
    return nonce
  }

  /** A pong has come; one that answers no ping is ignored. */
  pong(payload: Uint8Array): void {
    if (this.#open?.nonce.equals(payload) !== true) return
    this.#shortest = Math.min(this.#shortest, this.#now() - this.#open.sentAt)
    this.#count++
    this.#open = undefined
  }

  /** The shortest, ms; undefined while there were too few. */
  get shortestMs(): number | undefined {
    return this.#count < ENOUGH_ROUND_TRIPS ? undefined : this.#shortest
  }
}
