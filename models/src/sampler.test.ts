import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mulberry32 } from './prng.ts'
import { argmax, DEFAULT_SAMPLING, logprobOf, newSamplerState, sample } from './sampler.ts'
import type { SamplingParams } from './sampler.ts'

const logitsOf = fc
  .array(fc.float({ min: -20, max: 20, noNaN: true }), { minLength: 2, maxLength: 60 })
  .map((values) => Float32Array.from(values))

function draws(logits: Float32Array, params: Partial<SamplingParams>, count: number, seed = 1) {
  const random = mulberry32(seed)
  return Array.from(
    { length: count },
    () => sample(logits, { ...DEFAULT_SAMPLING, ...params }, newSamplerState(random)).id,
  )
}

/** Probabilities of the plain softmax. */
function softmax(logits: Float32Array): number[] {
  return Array.from(logits, (_, id) => Math.exp(logprobOf(logits, id)))
}

describe('the sampler', () => {
  it('takes the likeliest token at temperature 0, with no random number', () => {
    fc.assert(
      fc.property(logitsOf, (logits) => {
        const state = newSamplerState(() => {
          throw new Error('drew a number')
        })
        const { id, logprob } = sample(logits, { ...DEFAULT_SAMPLING, temperature: 0 }, state)
        expect(id).toBe(argmax(logits))
        expect(logprob).toBeCloseTo(Math.max(...softmax(logits).map(Math.log)), 6)
      }),
    )
  })

  it('repeats itself for a seed', () => {
    fc.assert(
      fc.property(logitsOf, fc.integer(), (logits, seed) => {
        expect(draws(logits, {}, 5, seed)).toEqual(draws(logits, {}, 5, seed))
      }),
    )
  })

  it('follows the distribution', () => {
    const logits = Float32Array.from([0.5, 2, -1, 1])
    const expected = softmax(logits)
    const counts = [0, 0, 0, 0]
    for (const id of draws(logits, {}, 20_000)) counts[id]!++
    counts.forEach((count, id) => expect(count / 20_000).toBeCloseTo(expected[id]!, 1))
  })

  it('sharpens with a low temperature and flattens with a high one', () => {
    const logits = Float32Array.from([0, 1])
    const share = (temperature: number): number =>
      draws(logits, { temperature }, 4_000).filter((id) => id === 1).length / 4_000
    expect(share(0.2)).toBeGreaterThan(0.97)
    expect(share(20)).toBeLessThan(0.56)
  })

  it('stays within top_k, top_p and min_p', () => {
    fc.assert(
      fc.property(
        logitsOf,
        fc.integer({ min: 1, max: 10 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer(),
        (logits, topK, topP, minP, seed) => {
          const [id] = draws(logits, { topK, topP, minP }, 1, seed)
          const odds = softmax(logits)
          const likelier = odds.filter((p) => p > odds[id!]!)
          expect(likelier.length).toBeLessThan(topK)
          const sum = likelier.reduce((total, p) => total + p, 0)
          const [largest] = odds.toSorted((a, b) => b - a)
          if (likelier.length > 0) {
            // The share is taken of what top_k left, so the whole distribution bounds it.
            expect(sum).toBeLessThan(topP + 1e-6)
            expect(odds[id!]! / largest!).toBeGreaterThanOrEqual(minP - 1e-6)
          }
        },
      ),
    )
  })

  it('obeys a logit bias and reports the raw logprob all the same', () => {
    const logits = Float32Array.from([3, 1, 0])
    const params = {
      ...DEFAULT_SAMPLING,
      temperature: 0,
      logitBias: new Map([
        [2, 100],
        [9, 5],
      ]),
    }
    const { id, logprob } = sample(logits, params, newSamplerState(mulberry32(1)))
    expect(id).toBe(2)
    expect(logprob).toBeCloseTo(logprobOf(logits, 2), 6)
    expect([...logits]).toEqual([3, 1, 0])
  })

  it('moves on under penalties', () => {
    const logits = Float32Array.from([2, 1.5, 1])
    const sequence = (params: Partial<SamplingParams>): number[] => {
      const state = newSamplerState(mulberry32(1))
      const all = { ...DEFAULT_SAMPLING, temperature: 0, ...params }
      return Array.from({ length: 4 }, () => sample(logits, all, state).id)
    }
    expect(sequence({})).toEqual([0, 0, 0, 0])
    expect(sequence({ presencePenalty: 0.75 })).toEqual([0, 1, 0, 0])
    expect(sequence({ frequencyPenalty: 0.75 })).toEqual([0, 1, 0, 2])
  })

  it('lists the likeliest tokens in order', () => {
    fc.assert(
      fc.property(logitsOf, fc.integer({ min: 0, max: 20 }), (logits, topLogprobs) => {
        const state = newSamplerState(mulberry32(1))
        const { top } = sample(logits, { ...DEFAULT_SAMPLING, topLogprobs }, state)
        expect(top.length).toBe(Math.min(topLogprobs, logits.length))
        top.forEach(({ id, logprob }, i) => {
          expect(logprob).toBeCloseTo(logprobOf(logits, id), 6)
          if (i > 0) expect(logprob).toBeLessThanOrEqual(top[i - 1]!.logprob)
        })
        if (top[0]) expect(top[0].id).toBe(argmax(logits))
      }),
    )
  })
})
