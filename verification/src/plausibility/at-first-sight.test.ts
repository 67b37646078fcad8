import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { atFirstSight } from './at-first-sight.ts'
import { DEFAULT_RULES } from './rules.ts'
import type { SignedAnswer } from './signed-answer.ts'

const { clockMs, skewMs, speedFactor, speedTokens } = DEFAULT_RULES

/** What an engine makes of a token: bytes of text, and whether it lists the id; it hides those inside a character. */
const token = fc.oneof(
  { weight: 8, arbitrary: fc.record({ bytes: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 1, arbitrary: fc.constant({ bytes: 0 }) },
)

/** A provider that computes what it says, on a machine and over a network of any kind. */
const honestProvider = fc
  .record({
    prompt: fc.integer({ min: 1, max: 100_000 }),
    bos: fc.integer({ min: -1, max: 1 }),
    texts: fc.array(token, { minLength: 1, maxLength: 300 }),
    /** Characters of four tokens, of which three ids are not listed. */
    split: fc.nat({ max: 40 }),
    hasClaim: fc.boolean(),
    listsEos: fc.boolean(),
    countsEos: fc.boolean(),
    isCut: fc.boolean(),
    /** Tokens that each pass gives. */
    perPass: fc.integer({ min: 1, max: 17 }),
    passesPerSecond: fc.double({ min: 0.5, max: 5_000, noNaN: true }),
    /** How much slower than its memory lets it, and than the quickest network was. */
    slack: fc.double({ min: 1, max: 50, noNaN: true }),
    prefillMs: fc.nat({ max: 20_000 }),
    roundTripMs: fc.nat({ max: 800 }),
    jitterMs: fc.nat({ max: 5_000 }),
    /** What the edge's clock is off by, and how far the provider's was set meanwhile. */
    clock: fc.integer({ min: -clockMs, max: 1_000 }),
    setBy: fc.integer({ min: -skewMs, max: skewMs }),
    isKnown: fc.boolean(),
  })
  .map((it): SignedAnswer => {
    // Text of nothing but special tokens is a few of them.
    const texts = it.texts.filter(({ bytes }, i) => bytes > 0 || i % 9 === 0)
    const bytes = texts.reduce((sum, one) => sum + one.bytes, 0)
    const made = texts.length + 4 * it.split
    const listed = texts.length + it.split + (it.listsEos ? 1 : 0)
    const passes = Math.ceil((made + 1) / it.perPass)
    const computeMs = (1000 * passes * it.slack) / it.passesPerSecond
    const networkMs = it.roundTripMs + it.jitterMs
    const workedMs = it.prefillMs + computeMs
    const contentBytes = bytes + 4 * it.split
    return {
      usage: {
        prompt_tokens: Math.max(0, it.prompt + (it.hasClaim ? it.bos : 0)),
        completion_tokens: made + (it.countsEos ? 1 : 0),
      },
      promptCount: it.hasClaim ? it.prompt : undefined,
      outputCount: it.hasClaim ? listed : undefined,
      contentBytes: it.isCut ? Math.floor(contentBytes / 3) : contentBytes,
      countedTokens: undefined,
      finishReason: it.isCut ? undefined : 'stop',
      maxTokens: made + 1,
      timing: {
        ttftMs: networkMs + it.prefillMs + it.clock,
        totalMs: networkMs + workedMs + it.clock,
        workedMs: workedMs + it.setBy,
        roundTripMs: it.isKnown ? it.roundTripMs : undefined,
        maxTokensPerSecond: it.isKnown ? it.perPass * it.passesPerSecond : undefined,
      },
    }
  })

const graveOf = (answer: SignedAnswer): string[] =>
  atFirstSight(answer)
    .filter(({ severity }) => severity !== 'note')
    .map(({ check }) => check)

describe('a receipt at first sight', () => {
  it('has nothing against anybody honest, however batched, drafted, cut, or off in time', () => {
    fc.assert(
      fc.property(honestProvider, (answer) => {
        expect(graveOf(answer)).toEqual([])
      }),
      { numRuns: 2_000 },
    )
  })

  it('says something of everybody who is faster than possible', () => {
    const faster = fc.double({ min: 1.01, max: 1e4, noNaN: true })
    fc.assert(
      fc.property(honestProvider, faster, fc.nat({ max: 10_000 }), (answer, times, ms) => {
        const tokens = answer.outputCount ?? answer.usage.completion_tokens
        fc.pre(tokens >= speedTokens)
        const possible = (1000 * tokens) / ((ms + clockMs) * times * speedFactor)
        const timing = { ...answer.timing, totalMs: ms, maxTokensPerSecond: possible }
        expect(graveOf({ ...answer, timing: { ...timing, workedMs: undefined } })).toContain(
          'speed',
        )
      }),
    )
  })

  it('says something of every first token that comes before the prompt can be there', () => {
    fc.assert(
      fc.property(honestProvider, fc.nat({ max: 5_000 }), (answer, ttftMs) => {
        const roundTripMs = (ttftMs + clockMs) * speedFactor + 1
        const timing = { ...answer.timing, ttftMs, roundTripMs }
        expect(graveOf({ ...answer, timing })).toContain('speed')
      }),
    )
  })

  it('says something of every count that cannot be', () => {
    const more = fc.integer({ min: 2, max: 1e6 })
    fc.assert(
      fc.property(honestProvider, more, (answer, by) => {
        const { usage, promptCount, contentBytes } = answer
        const allowed = { ...usage, completion_tokens: answer.maxTokens + by }
        expect(graveOf({ ...answer, usage: allowed })).toContain('usage')
        if (promptCount !== undefined) {
          const padded = { ...usage, prompt_tokens: promptCount + by }
          expect(graveOf({ ...answer, usage: padded })).toContain('usage')
        }
        if (answer.finishReason === undefined || contentBytes === undefined) return
        const inflated = { ...usage, completion_tokens: 2 * (contentBytes + 8) + by }
        const maxTokens = inflated.completion_tokens
        expect(graveOf({ ...answer, usage: inflated, maxTokens })).toContain('usage')
      }),
    )
  })

  it('compares ids with bytes, where a claim counts few', () => {
    const [some] = fc.sample(honestProvider, { numRuns: 1, seed: 1 })
    const answer = { ...some!, finishReason: 'stop', maxTokens: 1_000, promptCount: undefined }
    const claimed = (completion_tokens: number): string[] => {
      const usage = { prompt_tokens: 1, completion_tokens }
      return graveOf({ ...answer, usage, outputCount: 10, contentBytes: 100 })
    }
    expect(claimed(10 + 1 + 3 * 51)).toEqual([])
    expect(claimed(10 + 2 + 3 * 51)).toEqual(['usage'])
  })

  it('says nothing of times when a clock was set back', () => {
    const [some] = fc.sample(honestProvider, { numRuns: 1, seed: 1 })
    const timing = { ttftMs: -5, totalMs: -3, workedMs: 1e9 }
    const bounds = { roundTripMs: 900, maxTokensPerSecond: 1 }
    expect(graveOf({ ...some!, timing: { ...timing, ...bounds } })).toEqual([])
  })

  it('wonders who worked for longer than it was waited for', () => {
    const [some] = fc.sample(honestProvider, { numRuns: 1, seed: 1 })
    const worked = (workedMs: number, isCut = false): string[] => {
      const finishReason = isCut ? undefined : 'stop'
      const timing = { ...some!.timing, totalMs: 1_000, maxTokensPerSecond: undefined, workedMs }
      return graveOf({ ...some!, finishReason, timing })
    }
    expect(worked(1_500 + skewMs)).toEqual([])
    expect(worked(1_501 + skewMs)).toEqual(['speed'])
    expect(worked(1e9, true)).toEqual([])
  })

  it('is looked at without throwing, whatever it says', () => {
    const any = fc.oneof(fc.double(), fc.nat(), fc.constant(undefined))
    const number = fc.oneof(fc.double(), fc.nat())
    const times = fc.record({ ttftMs: number, totalMs: number, workedMs: any, roundTripMs: any })
    fc.assert(
      fc.property(honestProvider, times, any, any, (answer, timing, bytes, limit) => {
        const bounds = { ...timing, maxTokensPerSecond: limit }
        const findings = atFirstSight({ ...answer, contentBytes: bytes, timing: bounds })
        expect(findings.every(({ detail }) => detail.length < 200)).toBe(true)
      }),
    )
  })
})
