import { alwaysLikeliest } from './always-likeliest.ts'
import type { AnswerUnderCheck } from './answer-under-check.ts'
import { ending } from './ending.ts'
import { eosSkipped } from './eos-skipped.ts'
import type { Check, Finding } from './finding.ts'
import { idsListed } from './ids-listed.ts'
import { implausibleTokens } from './implausible-tokens.ts'
import { logprobShape } from './logprob-shape.ts'
import { promptIds } from './prompt-ids.ts'
import { roundedLogprobs } from './rounded-logprobs.ts'
import { DEFAULT_RULES, type PlausibilityRules } from './rules.ts'
import { speed } from './speed.ts'
import { text } from './text.ts'
import { usage } from './usage.ts'

/** Statements the answer makes about itself. */
const CLAIMS: readonly Check[] = [promptIds, idsListed, text, usage, ending, timely]

/** How fast it was, by the ids that it shows. */
function timely(answer: AnswerUnderCheck, rules: PlausibilityRules): readonly Finding[] {
  const { positions, promptIds } = answer
  const outputCount = positions.length === 0 ? undefined : positions.length
  return speed({ ...answer, promptCount: promptIds.length, outputCount }, rules)
}

/** What its probabilities say about its draws; nothing when they are no probabilities. */
const DRAWS: readonly Check[] = [eosSkipped, implausibleTokens, alwaysLikeliest, roundedLogprobs]

/**
 * Layer 0 of an opened answer, linear in its tokens, without a model; what of it needs no opening is `atFirstSight`,
 * and is asked of every answer. No finding is no proof of anything; see each check for when it says nothing.
 */
export function plausibility(
  answer: AnswerUnderCheck,
  rules: PlausibilityRules = DEFAULT_RULES,
): readonly Finding[] {
  const shape = logprobShape(answer, rules)
  const broken = shape.some(({ severity }) => severity === 'fail')
  const checks = broken ? CLAIMS : [...CLAIMS, ...DRAWS]
  return [...shape, ...checks.flatMap((check) => check(answer, rules))]
}
