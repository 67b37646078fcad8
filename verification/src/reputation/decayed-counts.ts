/**
 * How often something went well and badly, with the past counting less and less: a provider that was good
 * for a year and is bad now is bad, and one that was bad once is not for ever.
 */
export interface DecayedCounts {
  /** Weights, not numbers: they have decayed. */
  readonly good: number
  readonly bad: number
  /** When they were last brought up to date, Unix ms. */
  readonly at: number
}

/** 14 d: long enough that a quiet weekend costs nothing, short enough that a month of good conduct shows. */
export const HALF_LIFE_MS = 14 * 86_400_000
/** A confirmed fail weighs as many valid audits: it is rare, certain, and never an accident of one request. */
export const CONFIRMED_FAIL_WEIGHT = 20

export const noCounts = (now: number): DecayedCounts => ({ good: 0, bad: 0, at: now })

/** What an amount is worth after `elapsedMs`; a clock that went back changes nothing. */
export const decay = (elapsedMs: number, halfLifeMs: number): number =>
  2 ** (-Math.max(0, elapsedMs) / halfLifeMs)

/** Adds what happened at `now` (Unix ms), by its weight. */
export function count(
  counts: DecayedCounts,
  now: number,
  added: { readonly good?: number; readonly bad?: number },
): DecayedCounts {
  const left = decay(now - counts.at, HALF_LIFE_MS)
  return {
    good: counts.good * left + (added.good ?? 0),
    bad: counts.bad * left + (added.bad ?? 0),
    at: Math.max(now, counts.at),
  }
}
