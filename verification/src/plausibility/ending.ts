import type { AnswerUnderCheck } from './answer-under-check.ts'
import { reporter, type Check, type Finding } from './finding.ts'
import type { PlausibilityRules } from './rules.ts'
import { hasGaps, possiblyMissingIds } from './utf8-gaps.ts'

const found = reporter('ending')

/** Ends that the model itself chose. */
const CHOSEN_ENDS = new Set(['stop', 'tool_calls', 'function_call'])

/** The answer ended for the reason that it gives. Says nothing of one without ids or cut before its end. */
export const ending: Check = (answer, rules) => {
  const { positions, finishReason, maxTokens } = answer
  if (positions.length === 0) return []
  // Some engines do not count the EOS towards the limit.
  if (positions.length > maxTokens + 1)
    return [found.fail(`${positions.length} ids where ${maxTokens} were allowed`)]
  if (finishReason === undefined) return []
  if (finishReason === 'length') return atTheLimit(answer)
  if (CHOSEN_ENDS.has(finishReason)) return byChoice(answer, rules)
  return [found.note(`unknown finish reason '${finishReason.slice(0, 32)}'`)]
}

/** `length` only at the limit, or with the context full where that is known. */
function atTheLimit(answer: AnswerUnderCheck): Finding[] {
  const { positions, promptIds, maxTokens, contextLength } = answer
  const room = Math.min(maxTokens, (contextLength ?? Infinity) - promptIds.length)
  const missing = room - positions.length
  if (missing <= 1) return []
  const detail = `ended for length after ${positions.length} of ${room} tokens`
  if (missing <= possiblyMissingIds(answer)) return [found.note(detail)]
  return [contextLength === undefined ? found.suspicious(detail) : found.fail(detail)]
}

/** `stop` with an EOS, or with a stop sequence. A note where the usage counts an EOS that is not listed. */
function byChoice(answer: AnswerUnderCheck, rules: PlausibilityRules): Finding[] {
  const { positions, eosIds, detokenised, stopSequences, usage } = answer
  if (eosIds.includes(positions.at(-1)?.id ?? -1)) return earlyEnd(answer, rules)
  if (stopSequences.length > 0 && (detokenised === undefined || hasGaps(detokenised))) return []
  if (stopSequences.some((stop) => detokenised?.includes(stop))) return []
  return usage.completion_tokens > positions.length
    ? [found.note('the token that ended it is not listed')]
    : [found.suspicious('ended by itself without an EOS or a stop sequence')]
}

/** The EOS was likely where it came. Says nothing above temperature 1 or where other things steer the draw. */
function earlyEnd(
  { positions, sampling, plainSampling }: AnswerUnderCheck,
  { earlyEndNats }: PlausibilityRules,
): Finding[] {
  const { top = [], id, logprob = 0 } = positions.at(-1) ?? {}
  if (!plainSampling || sampling.temperature > 1 || top.length === 0) return []
  if (logprob > earlyEndNats || top.some((candidate) => candidate.id === id)) return []
  return [
    found.suspicious(`ended by an EOS of ${logprob.toFixed(2)} nats, not among ${top.length}`),
  ]
}
