import { z } from 'zod'
import { logMeanExp } from '../statistics/log-mean-exp.ts'

/**
 * Shares of the capital at stake on each request: the best one is about the share of requests that is
 * cheated, which nobody knows, so a third of the capital follows each.
 */
const FRACTIONS = [0.03, 0.1, 0.3] as const

/**
 * A request counts for 1e6 at most. That is enough to accuse by itself, and no more: an engine that
 * breaks once leaves a mark that honest requests can wear off, and no state outgrows a double. An e-value
 * that is made less stays one.
 */
const MAX_LOG_E = Math.log(1e6)

const logsSchema = z.tuple([z.number(), z.number(), z.number()]).readonly()
type Logs = z.infer<typeof logsSchema>

/** What the audited requests of one provider and spec have added up to. Plain JSON. */
export const wealthSchema = z.strictObject({
  requests: z.int().nonnegative(),
  /** ln of the capital by fraction, from the first request on. */
  lifetime: logsSchema,
  /** The same, but never below 0: since whichever request speaks most against the provider. */
  recent: logsSchema,
})
export type Wealth = z.infer<typeof wealthSchema>

export const STARTING_WEALTH: Wealth = { requests: 0, lifetime: [0, 0, 0], recent: [0, 0, 0] }

/**
 * The capital after one more audited request: W_f ← W_f (1 - f + f e), a gambler's who bets that the
 * provider cheats (Ville 1939; Waudby-Smith & Ramdas 2024). Each request is judged by itself first: of
 * tokens pooled over requests, one cheated request in twenty cannot be seen.
 *
 * Assumed: E[e | the requests before] <= 1 for an honest provider; so which requests are audited may
 * depend on the past, and not on their answers.
 */
export function nextWealth({ requests, lifetime, recent }: Wealth, logE: number): Wealth {
  if (Number.isNaN(logE)) throw new RangeError('evidence is a number')
  const gain = ([a, b, c]: Logs, floor: number): Logs => [
    Math.max(floor, a + logGrowth(FRACTIONS[0], logE)),
    Math.max(floor, b + logGrowth(FRACTIONS[1], logE)),
    Math.max(floor, c + logGrowth(FRACTIONS[2], logE)),
  ]
  return { requests: requests + 1, lifetime: gain(lifetime, -Infinity), recent: gain(recent, 0) }
}

/**
 * ln of the capital since the beginning. For an honest provider the chance that it ever reaches 1/α, over
 * all its life, is at most α (Ville's inequality).
 */
export function logWealth({ lifetime }: Wealth): number {
  return logMeanExp(lifetime)
}

/**
 * ln of the CUSUM form, for providers that turn after a long honest time, when the lifetime's capital is
 * spent. No promise for a whole life: of an honest provider it reaches A after A audited requests or
 * later, on average (E[time] >= A; e-detectors, Shin, Ramdas & Rinaldo 2024).
 */
export function logRecentWealth({ recent }: Wealth): number {
  return logMeanExp(recent)
}

function logGrowth(fraction: number, logE: number): number {
  return Math.log1p(fraction * Math.expm1(Math.min(logE, MAX_LOG_E)))
}
