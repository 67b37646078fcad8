import type { ApiError } from '@infernet/openai-compat/api-error'
import { MAX_ATTEMPTS, MAX_OFFERS } from '../limits.ts'

/** How often a job was offered, who has failed it, and so whether it may be offered once more. */
export class JobTries {
  /** Peer ids: they are not offered it any more. */
  readonly #excluded = new Set<string>()
  #offers = 0
  #failures = 0
  #lastError: ApiError | undefined

  get excluded(): ReadonlySet<string> {
    return this.#excluded
  }

  /** Leases that were given for it. */
  get offers(): number {
    return this.#offers
  }

  /** What its client is told when nobody else takes it; undefined before anybody has failed it or was busy. */
  get lastError(): ApiError | undefined {
    return this.#lastError
  }

  /** Enough have failed it, or it was offered often enough. */
  get isSpent(): boolean {
    return this.#failures >= MAX_ATTEMPTS || this.#offers >= MAX_OFFERS
  }

  /** A second provider may be asked beside a slow one: a job that was in many hands waits for the one it has. */
  get mayHedge(): boolean {
    return this.#offers < MAX_ATTEMPTS
  }

  /** It is offered once more; returns how often that makes. */
  offered(): number {
    return ++this.#offers
  }

  /** A provider has no room for it: no failure, and it may be asked again. */
  busy(error: ApiError): void {
    this.#lastError = error
  }

  /** A provider has failed it; `mayReturn`: and may be offered it again. */
  failed(peer: string, error: ApiError, mayReturn: boolean): void {
    this.#failures++
    this.#lastError = error
    if (!mayReturn) this.#excluded.add(peer)
  }

  /** It is offered to others only from now on. */
  exclude(peer: string): void {
    this.#excluded.add(peer)
  }
}
