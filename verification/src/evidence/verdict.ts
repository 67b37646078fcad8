import type { RequestEvidence } from './request-evidence.ts'

export type Verdict = 'pass' | 'fail' | 'inconclusive'

/** One honest request in ten thousand fails, or fewer. */
const FAILED_LOG_E = Math.log(1e4)
/** Fewer could hardly have failed, whatever stood there: the crudest cheats need four to ten. */
const MIN_CONCLUSIVE = 8
/** Of the answer; whoever can blind the check for the rest could hide all of it there. */
const MIN_CONCLUSIVE_SHARE = 0.5

/** What one request is worth by itself, for refunds and reputation. */
export function verdictOf({ logE, tokens, inconclusive }: RequestEvidence): Verdict {
  if (logE >= FAILED_LOG_E) return 'fail'
  const conclusive = tokens - inconclusive
  const enough = conclusive >= MIN_CONCLUSIVE && conclusive >= MIN_CONCLUSIVE_SHARE * tokens
  return enough ? 'pass' : 'inconclusive'
}
