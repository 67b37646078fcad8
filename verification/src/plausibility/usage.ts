import type { AnswerUnderCheck } from './answer-under-check.ts'
import { reporter, type Check, type Finding } from './finding.ts'
import type { PlausibilityRules } from './rules.ts'
import type { SignedAnswer } from './signed-answer.ts'
import { mostMissingIds, possiblyMissingIds } from './utf8-gaps.ts'

const found = reporter('usage')

/** Tokens without text at an answer's ends, such as an EOS or the opening of a message. */
const TOKENS_WITHOUT_TEXT = 8

/** The usage counts the ids, and not many times what the edge counted or what the bytes can hold. */
export const usage: Check = (answer, rules) => [
  ...promptTokens({ ...answer, promptCount: answer.promptIds.length }),
  ...completionTokens(answer),
  ...deliveredTokens(answer, rules),
]

/** One more or less is a note: engines differ in who counts the BOS. */
export function promptTokens({
  usage,
  promptCount,
}: Pick<SignedAnswer, 'usage' | 'promptCount'>): Finding[] {
  const excess = usage.prompt_tokens - (promptCount ?? usage.prompt_tokens)
  if (excess === 0) return []
  const detail = `${usage.prompt_tokens} prompt tokens claimed, ${promptCount} ids`
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

/** No more than the engine was to give. */
export function allowedTokens({
  usage,
  maxTokens,
}: Pick<SignedAnswer, 'usage' | 'maxTokens'>): Finding[] {
  const { completion_tokens: claimed } = usage
  if (claimed <= maxTokens) return []
  return [found.suspicious(`${claimed} tokens, and ${maxTokens} were allowed`)]
}

/** As {@link completionTokens}, while nobody has seen the ids or read the text: by how many there are of both. */
export function listedTokens(
  answer: Pick<SignedAnswer, 'usage' | 'outputCount' | 'contentBytes' | 'finishReason'>,
): Finding[] {
  const { usage, outputCount, contentBytes, finishReason } = answer
  if (outputCount === undefined || contentBytes === undefined || finishReason === undefined)
    return []
  const { completion_tokens: claimed } = usage
  if (claimed <= outputCount + 1 + mostMissingIds(contentBytes)) return []
  const detail = `${claimed} completion tokens claimed, ${outputCount} ids and ${contentBytes} bytes`
  return [found.suspicious(detail)]
}

/** Tokens that are claimed can have been delivered. */
export function deliveredTokens(
  answer: Pick<SignedAnswer, 'usage' | 'countedTokens' | 'contentBytes' | 'finishReason'>,
  { usageFactor }: PlausibilityRules,
): Finding[] {
  const { usage, countedTokens = Infinity, contentBytes = Infinity, finishReason } = answer
  // Where the client left, what the engine had made is more than what was delivered.
  if (finishReason === undefined) return []
  const most = Math.min(countedTokens, contentBytes)
  if (usage.completion_tokens <= usageFactor * (most + TOKENS_WITHOUT_TEXT)) return []
  return [
    found.suspicious(
      `${usage.completion_tokens} completion tokens claimed, ${most} at most delivered`,
    ),
  ]
}
