export interface Speed {
  /** Until the first token, ms. */
  readonly firstTokenMs: number
  readonly tokensPerSecond: number
}

/** Nobody gets all the work for being fast, nor none for being slow: slow and honest has its clients. */
const LEAST = 0.5
const MOST = 1.5

/**
 * How fast a provider is beside the median of its class, 1 being as fast: the ratios of the times to the
 * first token and of the tokens a second, each within [0.5, 1.5], multiplied.
 */
export const speedFactor = (own: Speed, median: Speed): number =>
  clamp(median.firstTokenMs, own.firstTokenMs) * clamp(own.tokensPerSecond, median.tokensPerSecond)

/** What has not been measured yet (0) counts as the median. */
function clamp(part: number, whole: number): number {
  if (part <= 0 || whole <= 0) return 1
  return Math.min(MOST, Math.max(LEAST, part / whole))
}
