import { logMeanExp } from '../statistics/log-mean-exp.ts'
import { tailCategory, type Tail } from './tail.ts'

/**
 * Bets against "this token is honest". An honest token lies in the tails R_1 > R_2 > … at most so
 * often. A bet of power κ supposes that a cheat's lies there R_1^κ, R_2^κ, … often, and pays the ratio
 * of the two, for a token in k tails (R_0 = 1, and 0 beyond the last):
 *
 *     h(k) = (R_k^κ - R_{k+1}^κ) / (R_k - R_{k+1})
 *
 * with a share ε of the capital at stake: 1 - ε + ε h(k). x^κ is concave, so h rises with k, and its
 * mean is greatest when the honest rates are met exactly: then it is Σ (R_k^κ - R_{k+1}^κ) = 1. What is
 * known of honest tokens may thus be upper bounds, and none pays more than 1 on average. The product
 * over a request's tokens and the mean over bets keep that: an e-process (Vovk & Wang 2021; betting:
 * Waudby-Smith & Ramdas 2024), with E[e] <= 1 wherever one stops.
 *
 * Assumed: P(s_t > above | the tokens before) <= rate, at every token and tail. Noise that is greater in
 * some requests breaks that for those, which is why calibrations make room for it.
 */
interface Bet {
  readonly share: number
  readonly power: number
}

/**
 * All of the capital finds a change of every token (other weights, other precision: noise that is r
 * times as strong has about power 1/r²); a part of it few tokens that are far off (another temperature,
 * forged logprobs). Measured in simulation against indicator bets on each tail with six stakes: q8_0
 * through logprobs needs 25 % fewer tokens, a wrong temperature 10 % fewer, everything else no more.
 */
const PORTFOLIO: readonly Bet[] = [
  ...[0.1, 0.25, 0.45, 0.65, 0.8, 0.92].map((power) => ({ share: 1, power })),
  ...[0.3, 0.1, 0.03].flatMap((share) => [0.05, 0.3].map((power) => ({ share, power }))),
]

/** ln e of a request's tokens by one statistic. NaN says nothing of its token; no token gives 0. */
export function tailEvidence(values: readonly number[], tails: readonly Tail[]): number {
  const counts = Array.from({ length: tails.length + 1 }, () => 0)
  for (const value of values) {
    if (Number.isNaN(value)) continue
    const category = tailCategory(value, tails)
    counts[category] = (counts[category] ?? 0) + 1
  }
  return logMeanExp(
    logPayoffs(tails).map((payoffs) =>
      counts.reduce((sum, count, category) => sum + count * (payoffs[category] ?? 0), 0),
    ),
  )
}

/** ln e after each token, to see how many are needed: as many numbers as values. */
export function* tailEvidencePath(
  values: readonly number[],
  tails: readonly Tail[],
): Generator<number, void> {
  const portfolio = logPayoffs(tails)
  let logs = portfolio.map(() => 0)
  for (const value of values) {
    if (!Number.isNaN(value)) {
      const category = tailCategory(value, tails)
      logs = logs.map((log, bet) => log + (portfolio[bet]?.[category] ?? 0))
    }
    yield logMeanExp(logs)
  }
}

/** For each bet, ln of what it pays in each category. */
function logPayoffs(tails: readonly Tail[]): number[][] {
  const rates = [1, ...tails.map(({ rate }) => rate)]
  return PORTFOLIO.map(({ share, power }) =>
    rates.map((rate, category) => {
      const outer = rates[category + 1] ?? 0
      return Math.log1p(share * ((rate ** power - outer ** power) / (rate - outer) - 1))
    }),
  )
}
