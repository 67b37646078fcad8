import type { ReceiptStatement } from '@infernet/schemas/receipt'
import { DEFAULT_RULES } from '../plausibility/rules.ts'
import { moreThanDelivered } from '../plausibility/usage.ts'
import { settingsFault } from './asked-settings.ts'
import type { DeliveredAnswer } from './judge.ts'

/**
 * What a receipt shows to be wrong with an answer by itself, before anything is opened: cheap enough for every
 * one. Empty as a rule. `spec` is what its provider offered.
 */
export function receiptFaults(
  answer: DeliveredAnswer,
  { claim, usage }: Pick<ReceiptStatement, 'claim' | 'usage'>,
  spec: string,
): string[] {
  const settings = claim && settingsFault(claim, answer)
  const { completion_tokens: tokens } = usage
  const { contentBytes, finishReason } = answer
  const claimed = { usage, countedTokens: undefined, contentBytes, finishReason }
  const inflated = moreThanDelivered(claimed, DEFAULT_RULES)
  return [
    ...(claim !== undefined && claim.spec !== spec ? ['it claims another spec than offered'] : []),
    ...(settings === undefined ? [] : [settings]),
    ...(tokens > answer.maxOutputTokens
      ? [`${tokens} tokens, and ${answer.maxOutputTokens} were allowed`]
      : []),
    ...(inflated === undefined ? [] : [inflated]),
  ]
}
