/**
 * Capability records taken per minute: each rebuilds the directory and is written to Postgres. An
 * agent sends one when a model comes or goes.
 */
export const MAX_CAPABILITY_CHANGES = 30
export const CAPABILITY_PERIOD_MS = 60_000

/** How often one provider may send a capability record. */
export class CapabilityPace {
  #taken = 0
  #periodEnds = 0

  /** Counts one that has come at `now`, ms since the epoch; false when it is one too many. */
  take(now: number): boolean {
    if (now >= this.#periodEnds) {
      this.#periodEnds = now + CAPABILITY_PERIOD_MS
      this.#taken = 0
    }
    return ++this.#taken <= MAX_CAPABILITY_CHANGES
  }
}
