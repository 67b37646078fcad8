import type { AnswerUnderCheck } from './answer-under-check.ts'
import { reporter, type Check, type Finding } from './finding.ts'
import type { PlausibilityRules } from './rules.ts'
import { possiblyMissingIds } from './utf8-gaps.ts'

const found = reporter('usage')

/** Tokens without text at an answer's ends, such as an EOS or the opening of a message. */
const TOKENS_WITHOUT_TEXT = 8

/** The usage counts the ids, and not many times what the edge counted or what the bytes can hold. */
export const usage: Check = (answer, rules) => [
  ...promptTokens(answer),
  ...completionTokens(answer),
  ...deliveredTokens(answer, rules),
]

/** One more or less is a note: engines differ in who counts the BOS. */
function promptTokens({ usage, promptIds }: AnswerUnderCheck): Finding[] {
  const excess = usage.prompt_tokens - promptIds.length
  if (excess === 0) return []
  const detail = `${usage.prompt_tokens} prompt tokens claimed, ${promptIds.length} ids`
  return [Math.abs(excess) === 1 ? found.note(detail) : found.fail(detail)]
}

/**
 * With the EOS counted or not. Too few are a note: they cost only the provider. So are more than the ids where
 * gaps of UTF-8 explain them or the answer was cut.
 */
function completionTokens(answer: AnswerUnderCheck): Finding[] {
  const { usage, positions, eosIds, finishReason } = answer
  if (positions.length === 0) return []
  const endsWithEos = eosIds.includes(positions.at(-1)?.id ?? -1)
  const least = positions.length - (endsWithEos ? 1 : 0)
  const most = positions.length + (endsWithEos || finishReason === 'length' ? 0 : 1)
  const claimed = usage.completion_tokens
  if (claimed >= least && claimed <= most) return []
  const detail = `${claimed} completion tokens claimed, ${positions.length} ids`
  const explained = finishReason === undefined || claimed <= most + possiblyMissingIds(answer)
  return [claimed < least || explained ? found.note(detail) : found.fail(detail)]
}

function deliveredTokens(answer: AnswerUnderCheck, rules: PlausibilityRules): Finding[] {
  const fault = moreThanDelivered(answer, rules)
  return fault === undefined ? [] : [found.suspicious(fault)]
}

/** Why the tokens that are claimed cannot all have been delivered; undefined when they may have been. */
export function moreThanDelivered(
  answer: Pick<AnswerUnderCheck, 'usage' | 'countedTokens' | 'contentBytes' | 'finishReason'>,
  { usageFactor }: Pick<PlausibilityRules, 'usageFactor'>,
): string | undefined {
  const { usage, countedTokens = Infinity, contentBytes = Infinity, finishReason } = answer
  // Where the client left, what the engine had made is more than what was delivered.
  if (finishReason === undefined) return undefined
  const most = Math.min(countedTokens, contentBytes)
  if (usage.completion_tokens <= usageFactor * (most + TOKENS_WITHOUT_TEXT)) return undefined
  return `${usage.completion_tokens} completion tokens claimed, ${most} at most delivered`
}
