import type { ModelSpec } from '@infernet/schemas/model-spec'
import {
  commitmentsOf,
  type Claim,
  type Position,
  type Transcript,
} from '@infernet/schemas/transcript'
import { drawToken, newDrawState } from '../replay/draw.ts'
import { claimedSettings } from '../replay/claimed-answer.ts'

/** By which {@link drawnAnswer}s are offered. */
export const DRAWN_SPEC: ModelSpec = {
  weights: 'ab'.repeat(32),
  quantization: 'Q8_0',
  kv: 'f16',
  engine: 'fake-1',
  backend: 'cpu',
  template: 'cd'.repeat(32),
}

const VOCABULARY = 24
const LISTED = 20
const PROMPT = [3, 1, 4, 1, 5]
const UNLIKELY = -20

/** An answer of `tokens` tokens from an engine whose logits are a function of their place, by llama.cpp's rules. */
export function drawnAnswer(sampler: Claim['sampler'], tokens: number, bias = 0): Transcript {
  const settings = claimedSettings({ sampler })
  const state = newDrawState(settings.seed, PROMPT.length)
  const positions = Array.from({ length: tokens }, (_, place): Position => {
    const logits = Array.from(
      { length: VOCABULARY },
      (_, id) => 2 * Math.sin(12.9898 * (id + 1) * (place + 1)) + bias * Math.sin(id * 7),
    )
    const logSum = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0))
    const all = logits.map((logit, id) => ({ id, logprob: Math.fround(logit - logSum) }))
    const id = drawToken(all, settings, 'llama-cpp', state)
    const top = all.toSorted((a, b) => b.logprob - a.logprob).slice(0, LISTED)
    return { id, logprob: all[id]?.logprob ?? 0, top }
  })
  return { prompt: PROMPT, positions }
}

/**
 * The tokens of an answer as the model sees them that has given `model`: its numbers are a function of the place alone.
 * It knows nothing of a token that it does not list but that it is unlikely.
 */
export const scoredBy = (model: Transcript, { positions }: Transcript): Position[] =>
  positions.map(({ id }, place) => {
    const top = model.positions[place]?.top ?? []
    return { id, logprob: top.find((one) => one.id === id)?.logprob ?? UNLIKELY, top }
  })

/** What an honest provider claims of it. */
export const claimOf = (
  transcript: Transcript,
  sampler: Claim['sampler'],
  spec: string,
): Claim => ({
  spec,
  replay: 'llama-cpp',
  sampler,
  kept_only: false,
  ...commitmentsOf(transcript),
})
