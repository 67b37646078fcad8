import type { AnswerUnderCheck } from './answer-under-check.ts'
import { reporter, type Check, type Finding } from './finding.ts'
import type { PlausibilityRules } from './rules.ts'

const found = reporter('speed')

/** The answer took the time that it must. Suspicious at most: hardware is declared, and drafts are fast. */
export const speed: Check = (answer, rules) => [
  ...firstToken(answer, rules),
  ...rate(answer, rules),
]

/** An answer that comes before the prompt can have arrived was not made from it. */
function firstToken({ timing }: AnswerUnderCheck, rules: PlausibilityRules): Finding[] {
  const { ttftMs, roundTripMs } = timing
  if (roundTripMs === undefined || !(ttftMs * rules.speedFactor < roundTripMs)) return []
  return [found.suspicious(`first token after ${ttftMs} ms, a round trip takes ${roundTripMs} ms`)]
}

/** Over the whole time, since a network that stalls delivers in bursts. */
function rate({ timing, positions, usage }: AnswerUnderCheck, rules: PlausibilityRules): Finding[] {
  const { totalMs, maxTokensPerSecond } = timing
  const tokens = positions.length === 0 ? usage.completion_tokens : positions.length
  if (maxTokensPerSecond === undefined || tokens < rules.speedTokens) return []
  const perSecond = (tokens / totalMs) * 1000
  if (!(perSecond > maxTokensPerSecond * rules.speedFactor)) return []
  const speeds = `${perSecond.toFixed(0)} tokens/s where ${maxTokensPerSecond.toFixed(0)} are possible`
  return [found.suspicious(speeds)]
}
