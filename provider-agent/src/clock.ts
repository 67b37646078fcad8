/** What time it is, and how much has passed: of the two only the first can be set, either way and at any moment. */
export interface Clock {
  /** ms since the epoch: for what is signed, shown, or meant by the owner's clock. */
  readonly now: () => number
  /** Whole ms since some moment of this process; never goes back: for waits, deadlines and measures. */
  readonly monotonic: () => number
}

/** The machine's. */
export const systemClock: Clock = {
  now: Date.now,
  monotonic: () => Math.floor(performance.now()),
}
