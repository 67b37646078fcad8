import { logMeanExp } from '../statistics/log-mean-exp.ts'
import type { Calibration, Scores } from './calibration.ts'
import { tailEvidence, tailEvidencePath } from './tail-bets.ts'

/** What one audited request says against its provider. */
export interface RequestEvidence {
  /** ln e. E[e] <= 1 if the answer is honest: e >= 1/α has a chance of at most α (Markov). */
  readonly logE: number
  /** Positions in the answer. */
  readonly tokens: number
  /**
   * Positions whose tokens nobody can judge: numbers can be forged, tokens cannot. Where only numbers are
   * judged, those that have none.
   */
  readonly inconclusive: number
  /** Positions where the sampler would have drawn another token, by more than the calibration lets pass. */
  readonly mismatches: number
}

/**
 * Weighs one request: the mean of the e-values of both statistics, which is one again however they depend
 * on each other (Vovk & Wang 2021). Claimed logprobs say most, and can be forged; tokens cannot. A
 * statistic that is absent, or of which the calibration knows nothing, leaves all to the other.
 */
export function requestEvidence(
  scores: Partial<Scores>,
  calibration: Calibration,
): RequestEvidence {
  const judged = judgeable(scores, calibration)
  const excess = scores.excess ?? []
  const tokens = Math.max(excess.length, scores.lpDifference?.length ?? 0)
  const [decisive = []] = judged[0] ?? []
  const tolerated = calibration.excess[0]?.above ?? 0
  const conclusive = decisive.filter((value) => !Number.isNaN(value)).length
  return {
    logE: judged.length === 0 ? 0 : logMeanExp(judged.map(([v, tails]) => tailEvidence(v, tails))),
    tokens,
    inconclusive: tokens - conclusive,
    mismatches: excess.filter((value) => value > tolerated).length,
  }
}

/** After how many tokens e reaches 1/alpha, or undefined if it does not. Both statistics as above. */
export function tokensToDetection(
  scores: Partial<Scores>,
  calibration: Calibration,
  alpha: number,
): number | undefined {
  const paths = judgeable(scores, calibration).map(([v, tails]) => [...tailEvidencePath(v, tails)])
  const tokens = Math.max(0, ...paths.map((path) => path.length))
  for (let token = 0; token < tokens; token++) {
    const logE = logMeanExp(paths.map((path) => path[token] ?? path.at(-1) ?? 0))
    if (logE >= -Math.log(alpha)) return token + 1
  }
  return undefined
}

/** The tokens' statistic first. */
function judgeable({ excess, lpDifference }: Partial<Scores>, calibration: Calibration) {
  const statistics = [
    [excess, calibration.excess],
    [lpDifference, calibration.lpDifference],
  ] as const
  return statistics.flatMap(([values, tails]) =>
    values === undefined || tails.length === 0 ? [] : [[values, tails] as const],
  )
}
