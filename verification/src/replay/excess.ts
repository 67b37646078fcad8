/** Excess, in nats, from which on more of it says nothing more. */
export const MAX_EXCESS = 30

/** Nats to which an excess is found. Engines compute in 32 bits, which is coarser. */
const RESOLUTION = 1e-6

/** What is known of how one token was drawn. */
export interface DrawCheck {
  /**
   * False if the engine cannot have drawn the token, however each logit was off by up to `change` nats and
   * whatever the rest of the vocabulary is. Once true, true for every greater change.
   */
  isPossible(change: number): boolean
  /** Of a draw that is possible without any change: whether it is whatever the rest of the vocabulary is. */
  isCertain(): boolean
}

/** The least change in nats that explains a token, at most {@link MAX_EXCESS}; NaN if none is needed, nor enough. */
export function excessOf(check: DrawCheck): number {
  if (check.isPossible(0)) return check.isCertain() ? 0 : NaN
  if (!check.isPossible(MAX_EXCESS)) return MAX_EXCESS
  let tooLittle = 0
  let enough = MAX_EXCESS
  while (enough - tooLittle > RESOLUTION) {
    const change = (tooLittle + enough) / 2
    if (check.isPossible(change)) enough = change
    else tooLittle = change
  }
  return tooLittle
}
