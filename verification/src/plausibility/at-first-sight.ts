import type { Finding } from './finding.ts'
import { DEFAULT_RULES, type PlausibilityRules } from './rules.ts'
import type { SignedAnswer } from './signed-answer.ts'
import { speed } from './speed.ts'
import { allowedTokens, deliveredTokens, listedTokens, promptTokens } from './usage.ts'

/**
 * The part of layer 0 that needs no opening: whether what a receipt counts agrees with itself, with what was allowed
 * and delivered, and with the time that it took. Of constant cost, so that every request's answer is looked at.
 */
export const atFirstSight = (
  answer: SignedAnswer,
  rules: PlausibilityRules = DEFAULT_RULES,
): readonly Finding[] => [
  ...promptTokens(answer),
  ...allowedTokens(answer),
  ...listedTokens(answer),
  ...deliveredTokens(answer, rules),
  ...speed(answer, rules),
]
