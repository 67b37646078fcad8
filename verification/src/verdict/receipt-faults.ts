import type { AuditReport } from '@infernet/schemas/audit-report'
import type { ReceiptStatement } from '@infernet/schemas/receipt'
import { atFirstSight } from '../plausibility/at-first-sight.ts'
import { settingsFault } from './asked-settings.ts'
import { timingOf, type DeliveredAnswer } from './judge.ts'

type Signed = Pick<ReceiptStatement, 'claim' | 'usage' | 'started_at' | 'ended_at'>

/**
 * What a receipt shows to be wrong with an answer by itself, before anything is opened: layer 0 of every request.
 * Empty as a rule. A reason to look at the answer, never to punish: an audit says what becomes of it. `spec` is what
 * its provider offered.
 */
export function receiptFaults(
  answer: DeliveredAnswer,
  statement: Signed,
  spec: string,
): AuditReport['findings'] {
  const { claim, usage } = statement
  const settings = claim && settingsFault(claim, answer)
  const counts = atFirstSight({
    usage,
    promptCount: claim?.prompt_ids,
    outputCount: claim?.output_ids,
    contentBytes: answer.contentBytes,
    countedTokens: undefined,
    finishReason: answer.finishReason,
    maxTokens: answer.maxOutputTokens,
    timing: timingOf(answer, statement),
  })
  return [
    ...(claim !== undefined && claim.spec !== spec
      ? [fault('opening', 'it claims another spec than offered')]
      : []),
    ...(settings === undefined ? [] : [fault('settings', settings)]),
    ...counts.filter(({ severity }) => severity !== 'note'),
  ]
}

const fault = (check: string, detail: string) => ({ check, severity: 'fail' as const, detail })
