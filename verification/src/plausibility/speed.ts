import { reporter, type Finding } from './finding.ts'
import type { PlausibilityRules } from './rules.ts'
import type { SignedAnswer } from './signed-answer.ts'

const found = reporter('speed')

/** The answer took the time that it must. Suspicious at most: hardware is announced, and clocks are set. */
export const speed = (answer: SignedAnswer, rules: PlausibilityRules): readonly Finding[] => [
  ...firstToken(answer, rules),
  ...rate(answer, rules),
  ...work(answer, rules),
]

/** An answer that comes before the prompt can have arrived was not made from it. */
function firstToken({ timing }: SignedAnswer, rules: PlausibilityRules): Finding[] {
  const { ttftMs, roundTripMs } = timing
  if (roundTripMs === undefined || isSetBack(ttftMs)) return []
  if (!((ttftMs + rules.clockMs) * rules.speedFactor < roundTripMs)) return []
  return [found.suspicious(`first token after ${ttftMs} ms, a round trip takes ${roundTripMs} ms`)]
}

/** Over the whole time, since a network that stalls delivers in bursts. */
function rate(answer: SignedAnswer, rules: PlausibilityRules): Finding[] {
  const { timing, outputCount, usage } = answer
  const { totalMs, maxTokensPerSecond } = timing
  const tokens = outputCount ?? usage.completion_tokens
  if (maxTokensPerSecond === undefined || tokens < rules.speedTokens || isSetBack(totalMs))
    return []
  const perSecond = (tokens / (totalMs + rules.clockMs)) * 1000
  if (!(perSecond > maxTokensPerSecond * rules.speedFactor)) return []
  const speeds = `${perSecond.toFixed(0)} tokens/s where ${maxTokensPerSecond.toFixed(0)} are possible`
  return [found.suspicious(speeds)]
}

/** Nobody worked longer than its answer was waited for. Of one that was cut, nobody waited for the end. */
function work({ timing, finishReason }: SignedAnswer, rules: PlausibilityRules): Finding[] {
  const { totalMs, workedMs } = timing
  if (workedMs === undefined || finishReason === undefined || isSetBack(totalMs)) return []
  if (!(workedMs > totalMs * rules.speedFactor + rules.skewMs)) return []
  return [found.suspicious(`says it worked ${workedMs} ms, and was done after ${totalMs} ms`)]
}

/** The edge's own clock was set back meanwhile. */
const isSetBack = (ms: number): boolean => ms < 0
