import type { AnswerUnderCheck } from './answer-under-check.ts'
import type { Position } from '@infernet/schemas/transcript'
import type { SamplerSettings } from '../sampler-settings.ts'
import { reporter, type Check } from './finding.ts'
import { alarmNats } from './surprise.ts'

const found = reporter('always_likeliest')

/**
 * A draw was asked for and one took place: an answer of nothing but likeliest tokens, where others were surely in
 * the draw, was decoded greedily or made up with its logprobs. All tokens all but certain is a note, since text
 * that is copied looks so. Says nothing at temperature 0 or where other things steer the draw.
 */
export const alwaysLikeliest: Check = (answer, rules) => {
  const { positions, sampling, plainSampling } = answer
  if (!plainSampling || sampling.temperature === 0) return []
  const nats = likeliestNats(answer)
  if (nats >= alarmNats(rules.falseAlarm))
    return [found.suspicious(`only likeliest tokens at odds of ${nats.toFixed(1)} nats`)]
  const perfect = positions.every(({ logprob }) => logprob > rules.perfectNats)
  return perfect && positions.length >= rules.perfectTokens
    ? [found.note(`all ${positions.length} tokens are all but certain`)]
    : []
}

/** -ln of the chance that each draw gave the likeliest; 0 when one did not. */
function likeliestNats({ positions, sampling }: AnswerUnderCheck): number {
  let nats = 0
  for (const position of positions) {
    if (position.id !== position.top[0]?.id) return 0
    nats += Math.log1p(secondOdds(position, sampling))
  }
  return nats
}

/**
 * The second candidate's odds against the likeliest in the draw, 0 unless no cut removes it whether it is made
 * before the temperature, as llama.cpp does, or after, as vLLM does.
 */
function secondOdds({ top }: Position, { temperature, topK, topP, minP }: SamplerSettings): number {
  const [first, second] = top
  if (first === undefined || second === undefined || topK === 1) return 0
  const raw = Math.exp(second.logprob - first.logprob)
  const tempered = Math.exp((second.logprob - first.logprob) / temperature)
  // An upper bound, reached where nothing but these two is left.
  const largest = 1 / (1 + Math.min(raw, tempered))
  const kept = Math.min(raw, tempered) >= minP && (topP >= 1 || largest < topP)
  return kept ? tempered : 0
}
