import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SamplerSettings } from '../sampler-settings.ts'
import { MAX_EXCESS } from './excess.ts'
import { LLAMA_CPP_RANDOM_SEED } from './llama-cpp-seed.ts'
import { replayExcess, type ReplayedAnswer } from './replay.ts'
import type { SeededVariant } from './replay-variant.ts'
import {
  anyLogits,
  anySettings,
  anyVariant,
  drawAll,
  positionOf,
  PROMPT_LENGTH,
} from './testing/sampler-fixtures.ts'

/** What the search for an excess, and sums of doubles, may leave. */
const TOLERANCE = 1e-5

const PLAIN: SamplerSettings = { temperature: 1, topK: 0, topP: 1, minP: 0, seed: 42n }

interface Report {
  readonly places: readonly Float64Array[]
  readonly tokens: readonly number[]
  readonly settings: SamplerSettings
  readonly variant: SeededVariant
  readonly listed?: number
  readonly vocabSize?: number
}

function replay({ places, tokens, listed = Infinity, ...answer }: Report): number[] {
  const positions = places.map((logits, i) => positionOf(logits, tokens[i] ?? 0, listed))
  const replayed: ReplayedAnswer = { ...answer, positions, promptLength: PROMPT_LENGTH }
  return [...replayExcess(replayed)]
}

describe('a replay', () => {
  it('explains every honest token from the whole distribution', () => {
    fc.assert(
      fc.property(anyLogits, anySettings, anyVariant, (places, settings, variant) => {
        const tokens = drawAll(places, settings, variant)
        const vocabSize = places[0]?.length ?? 0
        const excess = replay({ places, tokens, settings, variant, vocabSize })
        if (variant === 'llama-cpp-early-out') {
          // Where one candidate more or less is left by a hair, nobody knows what was drawn.
          expect(excess.filter((one) => !Number.isNaN(one) && one !== 0)).toEqual([])
        } else {
          expect(excess).toEqual(tokens.map(() => 0))
        }
      }),
      { numRuns: 500 },
    )
  })

  it('never accuses an honest token of which only the likeliest rivals are listed', () => {
    const anyListed = fc.constantFrom(1, 2, 8)
    fc.assert(
      fc.property(
        anyLogits,
        anySettings,
        anyVariant,
        anyListed,
        fc.boolean(),
        (places, settings, variant, listed, saysSize) => {
          const tokens = drawAll(places, settings, variant)
          const size = saysSize ? { vocabSize: places[0]?.length ?? 0 } : {}
          const excess = replay({ places, tokens, settings, variant, listed, ...size })
          expect(excess.filter((one) => !Number.isNaN(one) && one !== 0)).toEqual([])
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('asks for no more change than there was', () => {
    const anyNoise = fc.constantFrom(0.001, 0.03, 0.3, 2)
    const anySeed = fc.integer()
    fc.assert(
      fc.property(
        anyLogits,
        anySettings,
        fc.constantFrom('llama-cpp' as const, 'vllm-gumbel' as const),
        anyNoise,
        anySeed,
        fc.constantFrom(2, 8, 40),
        (places, settings, variant, amplitude, seed, listed) => {
          const tokens = drawAll(places, settings, variant)
          const reported = places.map((logits, i) => shaken(logits, amplitude, seed + i))
          const excess = replay({ places: reported, tokens, settings, variant, listed })
          for (const one of excess) {
            if (!Number.isNaN(one)) expect(one).toBeLessThanOrEqual(amplitude + TOLERANCE)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('an excess', () => {
  const few = fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 2, maxLength: 4 })

  it.each([
    ['llama-cpp', [0, 2, 3]],
    // With cuts, a change that rids the token of each rival need not rid it of all.
    ['vllm-gumbel', [0]],
  ] as const)('is no less than what it takes: %s', (variant, cuts) => {
    const anyCut = fc.constantFrom(...cuts)
    const anyToken = fc.nat({ max: 3 })
    const anySeed = fc.bigInt({ min: 0n, max: 1_000_000n })
    fc.assert(
      fc.property(few, anyToken, anySeed, anyCut, (numbers, nth, seed, topK) => {
        const logits = Float64Array.from(numbers)
        const token = nth % logits.length
        const settings = { ...PLAIN, topK, seed }
        const answer = { places: [logits], tokens: [token], settings, variant }
        const [excess = NaN] = replay({ ...answer, vocabSize: logits.length })
        const enough = excess * 1.001 + 1e-4
        const isDrawn = (changed: Float64Array): boolean =>
          drawAll([changed], settings, variant)[0] === token
        expect(corners(logits, token, enough).some(isDrawn)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it('is half the lead of the likeliest token without temperature', () => {
    const settings = { ...PLAIN, temperature: 0 }
    const places = [Float64Array.of(1, 3, 2), Float64Array.of(1, 3, 2), Float64Array.of(100, 0)]
    const excess = replay({ places, tokens: [1, 2, 1], settings, variant: 'llama-cpp' })
    expect(excess).toEqual([0, expect.closeTo(0.5), MAX_EXCESS])
    expect(drawAll(places, settings, 'vllm-gumbel')).toEqual([1, 1, 0])
  })

  it('is found in what top_k, top_p and min_p cut', () => {
    const logits = Float64Array.of(Math.log(0.6), Math.log(0.3), Math.log(0.1))
    const excessOfLast = (cut: Partial<SamplerSettings>, variant: SeededVariant): number =>
      replay({
        places: [logits],
        tokens: [2],
        settings: { ...PLAIN, ...cut, seed: seedFor(variant) },
        variant,
        vocabSize: 3,
      })[0] ?? NaN
    /** Of which the first draw takes the last token when nothing is cut. */
    const seedFor = (variant: SeededVariant): bigint => {
      const takesLast = (seed: bigint): boolean =>
        drawAll([logits], { ...PLAIN, seed }, variant)[0] === 2
      return Array.from({ length: 1000 }, (_, i) => BigInt(i)).find(takesLast) ?? 0n
    }
    for (const variant of ['llama-cpp', 'vllm-gumbel'] as const) {
      expect(excessOfLast({}, variant)).toBe(0)
      // It has to catch up with the second, by half the distance each.
      expect(excessOfLast({ topK: 2 }, variant)).toBeCloseTo(Math.log(3) / 2, 4)
      // From 0.9 : 0.1 to 0.8 : 0.2, by half the distance each.
      expect(excessOfLast({ topP: 0.8 }, variant)).toBeCloseTo(Math.log(9 / 4) / 2, 4)
      expect(excessOfLast({ minP: 0.2 }, variant)).toBeCloseTo(Math.log(1.2) / 2, 4)
    }
  })
})

describe('what was not drawn from the seed', () => {
  const places = Array.from({ length: 4000 }, (_, i) => shaken(new Float64Array(30), 4, i))
  const settings = { ...PLAIN, topK: 20, topP: 0.95, temperature: 0.8 }
  const rateAbove = (excess: readonly number[], nats: number): number =>
    excess.filter((one) => one > nats).length / excess.length

  it.each([
    ['llama-cpp', 8],
    ['llama-cpp', 20],
    ['vllm-gumbel', 8],
    ['vllm-gumbel', 20],
  ] as const)('stands out: %s, %i listed', (variant, listed) => {
    const honest = drawAll(places, settings, variant)
    const other = drawAll(places, { ...settings, seed: 43n }, variant)
    const agreement = honest.filter((token, i) => token === other[i]).length / honest.length
    const report = { places, settings, variant, listed, vocabSize: 30 }
    expect(rateAbove(replay({ ...report, tokens: honest }), 0)).toBe(0)
    const excess = replay({ ...report, tokens: other })
    const caught = rateAbove(excess, 0.05)
    // A token drawn otherwise happens to be the right one now and then; the rest is mostly caught.
    expect(caught).toBeLessThanOrEqual(1 - agreement)
    expect(caught).toBeGreaterThan((1 - agreement) * (listed === 20 ? 0.8 : 0.65))
  })

  it('stands out where a token was put in the place of the one drawn, and nowhere else', () => {
    for (const variant of ['llama-cpp', 'vllm-gumbel'] as const) {
      const tokens = drawAll(places, settings, variant)
      const swapped = tokens.map((token, i) => (i === 17 ? (token + 1) % 30 : token))
      const excess = replay({ places, tokens: swapped, settings, variant, vocabSize: 30 })
      expect(excess[17]).toBeGreaterThan(0)
      expect(excess.toSpliced(17, 1).every((one) => one === 0)).toBe(true)
    }
  })
})

describe('what cannot be decided', () => {
  const places = Array.from({ length: 50 }, (_, i) => shaken(new Float64Array(30), 2, i))

  it.each(['llama-cpp', 'vllm-gumbel'] as const)('leaves the next token alone: %s', (variant) => {
    const tokens = drawAll(places, PLAIN, variant)
    const positions = places.map((logits, i) => positionOf(logits, tokens[i] ?? 0, i < 25 ? 0 : 30))
    const answer = { positions, settings: PLAIN, variant, promptLength: PROMPT_LENGTH }
    const excess = replayExcess({ ...answer, vocabSize: 30 })
    expect([...excess]).toEqual(places.map((_, i) => (i < 25 ? NaN : 0)))
  })

  it('ends a replay in which it decides whether a number was drawn', () => {
    const variant = 'llama-cpp-early-out'
    const settings = { ...PLAIN, topP: 0.9 }
    /** The likeliest has just about 0.9. */
    const edge = Float64Array.of(Math.log(0.9001), Math.log(0.0999))
    const report = { places: [edge, ...places], settings, variant } as const
    const tokens = drawAll(report.places, settings, variant)
    expect(replay({ ...report, tokens })).toEqual(tokens.map(() => NaN))
  })

  it('is everything for a seed or an engine that cannot be repeated', () => {
    const seed = BigInt(LLAMA_CPP_RANDOM_SEED)
    const report = { places, tokens: places.map(() => 0), settings: { ...PLAIN, seed } }
    expect(replay({ ...report, variant: 'llama-cpp' }).every(Number.isNaN)).toBe(true)
    const positions = places.map((logits) => positionOf(logits, 0, 30))
    const unseeded = { positions, variant: 'none', promptLength: PROMPT_LENGTH } as const
    expect([...replayExcess({ ...unseeded, settings: PLAIN })].every(Number.isNaN)).toBe(true)
    const greedy = { ...PLAIN, temperature: 0 }
    expect([...replayExcess({ ...unseeded, settings: greedy })].some(Number.isNaN)).toBe(false)
  })
})

/** Each logit changed by up to `amplitude` either way, the same for the same seed. */
function shaken(logits: Float64Array, amplitude: number, seed: number): Float64Array {
  let state = seed >>> 0
  return logits.map((logit) => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9
    const bits = Math.imul(state ^ (state >>> 13), 0x297a2d39) >>> 0
    return logit + amplitude * ((2 * bits) / 2 ** 32 - 1)
  })
}

/** Logits within `change` where a draw can be unlike all others: each at an end, or just before or behind the token. */
function corners(logits: Float64Array, token: number, change: number): Float64Array[] {
  const step = 1e-9
  const within = (x: number) => (y: number) => Math.abs(y - x) <= change + step
  const ends = [...logits].flatMap((x) => [x - change, x + change])
  const levels = ends.flatMap((x) => [x - 2 * step, x, x + 2 * step])
  return levels.filter(within(logits[token] ?? 0)).flatMap((level) => {
    const choices = [...logits].map((x, id) => {
      if (id === token) return [level]
      return [x - change, x + change, level - step, level + step].filter(within(x))
    })
    const all = choices.reduce<number[][]>(
      (some, values) => some.flatMap((one) => values.map((value) => [...one, value])),
      [[]],
    )
    return all.map((changed) => Float64Array.from(changed))
  })
}
