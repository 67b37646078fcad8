import * as fc from 'fast-check'
import type { Candidate, Position } from '@infernet/schemas/transcript'
import type { SamplerSettings } from '../../sampler-settings.ts'
import { drawToken, newDrawState } from '../draw.ts'
import type { SeededVariant } from '../replay-variant.ts'

export const PROMPT_LENGTH = 7

export const SEEDED_VARIANTS = [
  'llama-cpp',
  'llama-cpp-early-out',
  'vllm-gumbel',
  'vllm-gumbel-murmur',
] as const

export const anyVariant = fc.constantFrom(...SEEDED_VARIANTS)

export const anySettings: fc.Arbitrary<SamplerSettings> = fc.record({
  temperature: fc.constantFrom(0.3, 0.7, 1, 1.5),
  topK: fc.constantFrom(0, 1, 3, 8, 20),
  topP: fc.constantFrom(1, 0.95, 0.6),
  minP: fc.constantFrom(0, 0.05, 0.3),
  seed: fc.bigInt({ min: 0n, max: 0xffff_fffen }),
})

/** Logits of a few places over one vocabulary, from nearly certain to nearly even. */
export const anyLogits: fc.Arbitrary<readonly Float64Array[]> = fc
  .tuple(fc.integer({ min: 2, max: 40 }), fc.constantFrom(0.5, 2, 5))
  .chain(([size, spread]) => {
    const logit = fc.double({ min: -spread, max: spread, noNaN: true })
    const place = fc.array(logit, { minLength: size, maxLength: size })
    return fc.array(
      place.map((numbers) => Float64Array.from(numbers)),
      { minLength: 1, maxLength: 12 },
    )
  })

/** The raw softmax. */
function vocabularyOf(logits: Float64Array): Candidate[] {
  const logSum = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0))
  return Array.from(logits, (logit, id) => ({ id, logprob: logit - logSum }))
}

/** The tokens that an engine with these logits draws. */
export function drawAll(
  places: readonly Float64Array[],
  settings: SamplerSettings,
  variant: SeededVariant,
): number[] {
  const state = newDrawState(settings.seed, PROMPT_LENGTH)
  return places.map((logits) => drawToken(vocabularyOf(logits), settings, variant, state))
}

/** What is reported of a place: the `listed` likeliest, and the token that stands there. */
export function positionOf(logits: Float64Array, token: number, listed: number): Position {
  const vocabulary = vocabularyOf(logits)
  const top = vocabulary.toSorted((a, b) => b.logprob - a.logprob).slice(0, listed)
  return { id: token, logprob: vocabulary[token]?.logprob ?? 0, top }
}
