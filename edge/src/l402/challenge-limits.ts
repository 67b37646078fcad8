import { CHALLENGES_PER_MINUTE, CHALLENGES_PER_NETWORK } from '../limits.ts'
import { tooManyInvoices } from './l402-errors.ts'
import { networkOf } from './network-of.ts'

const MINUTE_MS = 60_000

/**
 * New invoices a minute, of one network and of all: each is a row in Postgres and one at the node, for
 * somebody who may never pay. Minutes are those of the clock, so that what is remembered is bounded too.
 */
export class ChallengeLimits {
  #minute = 0
  #all = 0
  readonly #byNetwork = new Map<string, number>()

  /** Counts one more. Throws ApiError 429 when there were too many in this minute; `now` in ms. */
  take(address: string, now: number): void {
    const minute = Math.floor(now / MINUTE_MS)
    if (minute !== this.#minute) {
      this.#minute = minute
      this.#all = 0
      this.#byNetwork.clear()
    }
    const network = networkOf(address)
    const own = this.#byNetwork.get(network) ?? 0
    if (own >= CHALLENGES_PER_NETWORK || this.#all >= CHALLENGES_PER_MINUTE)
      throw tooManyInvoices((minute + 1) * MINUTE_MS - now)
    this.#byNetwork.set(network, own + 1)
    this.#all++
  }
}
