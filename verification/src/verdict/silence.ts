import type { Judgement } from './judge.ts'

/** So many answers in a row that are not shown are as good as a false one. */
export const MIN_REFUSALS = 3

/** Worth what a contradiction is: to show nothing is the cheapest way not to be found out. */
const SILENCE_LOG_E = Math.log(1e4)

/**
 * What an answer that was not shown comes to when those `before` it were not either. It happens to anybody who is
 * restarted; not time after time.
 */
export function silence(judged: Judgement, before: number): Judgement {
  if (before + 1 < MIN_REFUSALS) return judged
  const reason = `${judged.report.reason}, and neither were ${before} before it`
  return { verdict: 'fail', logE: SILENCE_LOG_E, report: { ...judged.report, reason } }
}
