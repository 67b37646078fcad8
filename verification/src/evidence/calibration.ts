import { z } from 'zod'
import { quantile } from '../statistics/quantile.ts'
import { clopperPearsonUpper } from '../statistics/binomial-bounds.ts'
import { withRoom } from './room.ts'
import { tailsSchema, type Tail } from './tail.ts'

/** Both statistics of one request, a number for each output token. NaN: nothing can be said of it. */
export interface Scores {
  /** Nats by which the logits had to move for the engine's sampler to have drawn the token. */
  readonly excess: readonly number[]
  /** Nats between the claimed logprobs and a verifier's. */
  readonly lpDifference: readonly number[]
}

/**
 * What is known of honest tokens of one spec class. Plain JSON: it is stored, published, and lets
 * anyone compute a request's evidence again.
 */
export const calibrationSchema = z.strictObject({
  v: z.literal(1),
  /** How many honest requests and output tokens were measured. */
  requests: z.int().nonnegative(),
  tokens: z.int().nonnegative(),
  excess: tailsSchema,
  lpDifference: tailsSchema,
})
export type Calibration = z.infer<typeof calibrationSchema>

export interface CalibrationOptions {
  /** With which each rate alone is an upper bound. */
  readonly confidence: number
  /** No rate is less, whatever was measured. */
  readonly minRate: number
  /** Differences of logprobs up to here are honest, whatever was measured. Nats. */
  readonly minLpDifference: number
}

/**
 * 0.001: a class measured on one machine would otherwise hang its next machine for a single near-tie;
 * and no bet on one token pays more than 708, so that no single token fails a request. 0.005 nats: as far as
 * logprobs rounded to two digits are off.
 */
const DEFAULTS: CalibrationOptions = { confidence: 0.99, minRate: 0.001, minLpDifference: 0.005 }

/** Where thresholds are put: the share of honest tokens beyond each. */
const GRID = [0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001] as const

/**
 * For a class that nobody has measured: 3 % of honest tokens may be off by more than 0.3 nats. With noise of 0.03
 * nats on every logit, as between GPUs, llama.cpp draws 8 % of its tokens otherwise, with 0.06 nats 13 %, but a draw
 * is never off by more than its logits are. Of logprobs nothing is known.
 */
export const UNMEASURED: Calibration = {
  v: 1,
  requests: 0,
  tokens: 0,
  excess: [{ above: 0.3, rate: 0.03 }],
  lpDifference: [],
}

/**
 * For an answer beside its own numbers, which have no noise: rounding to four bytes, and an engine's own sums, move
 * a draw by less than 0.01 nats.
 */
export const OWN_NUMBERS: Calibration = { ...UNMEASURED, excess: [{ above: 0.01, rate: 0.01 }] }

/**
 * Learns the tails from honest requests of one spec class, by machines and with loads as they will be met,
 * as long as real answers are, 200 at the least: what they do not show is not forgiven. A statistic
 * without conclusive tokens has no tails.
 */
export function calibrate(
  samples: readonly Scores[],
  options: Partial<CalibrationOptions> = {},
): Calibration {
  const settings = { ...DEFAULTS, ...options }
  return {
    v: 1,
    requests: samples.length,
    tokens: samples.reduce((sum, { excess }) => sum + excess.length, 0),
    excess: tailsOf(
      samples.map(({ excess }) => excess),
      0,
      settings,
    ),
    lpDifference: tailsOf(
      samples.map(({ lpDifference }) => lpDifference),
      settings.minLpDifference,
      settings,
    ),
  }
}

/**
 * Thresholds are the tolerance and quantiles beyond it; rates are upper bounds, which hold for quantiles
 * chosen by rank as for fixed thresholds, and then make room for requests that are noisier than most.
 */
function tailsOf(
  requests: readonly (readonly number[])[],
  least: number,
  settings: CalibrationOptions,
): Tail[] {
  const ascending = requests
    .flat()
    .filter((value) => !Number.isNaN(value))
    .sort((a, b) => a - b)
  if (ascending.length === 0) return []
  const measured = [least, ...GRID.map((share) => quantile(ascending, 1 - share))]
    .filter((above) => above >= least && Number.isFinite(above))
    .map((above) => {
      const hits = ascending.filter((value) => value > above).length
      return { above, rate: clopperPearsonUpper(hits, ascending.length, settings.confidence) }
    })
  return withRoom(requests, measured, settings.minRate)
}
