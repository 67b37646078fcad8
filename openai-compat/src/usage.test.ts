import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  billableTokens,
  type Delivery,
  makeUsage,
  maxPromptTokens,
  parseUsage,
  TEXTLESS_TOKENS_PER_CHOICE,
} from './usage.ts'

const honest: Delivery = {
  claimed: makeUsage(40, 12),
  contentEvents: 11,
  contentBytes: 50,
  choices: 1,
  requestBytes: 200,
  messages: 2,
  ended: 'complete',
}

const bill = (change: Partial<Delivery>): unknown => billableTokens({ ...honest, ...change })

describe('parseUsage', () => {
  it('computes the total and keeps the known details', () => {
    const usage = {
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 99,
      prompt_tokens_details: { cached_tokens: 8, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 2 },
      cost: 1,
    }
    expect(parseUsage(usage)).toEqual({
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 15,
      prompt_tokens_details: { cached_tokens: 8 },
      completion_tokens_details: { reasoning_tokens: 2 },
    })
  })

  it.each([
    null,
    'usage',
    {},
    { prompt_tokens: 1 },
    { prompt_tokens: -1, completion_tokens: 1 },
    { prompt_tokens: 1.5, completion_tokens: 1 },
    { prompt_tokens: '1', completion_tokens: 1 },
    { prompt_tokens: Number.MAX_SAFE_INTEGER, completion_tokens: 1 },
    { prompt_tokens: 1, completion_tokens: Infinity },
  ])('refuses %o', (value) => {
    expect(parseUsage(value)).toBeUndefined()
  })

  it('leaves broken details out', () => {
    const usage = { prompt_tokens: 1, completion_tokens: 2, prompt_tokens_details: null }
    expect(parseUsage(usage)).toEqual(makeUsage(1, 2))
    const negative = { ...usage, completion_tokens_details: { reasoning_tokens: -1 } }
    expect(parseUsage(negative)).toEqual(makeUsage(1, 2))
  })
})

describe('billableTokens', () => {
  it('bills an honest claim as it is', () => {
    expect(bill({})).toEqual({ promptTokens: 40, completionTokens: 12 })
  })

  it('bills an inflated claim by what was delivered', () => {
    expect(bill({ claimed: makeUsage(1_000_000, 1_000_000) })).toEqual({
      promptTokens: maxPromptTokens(200, 2),
      completionTokens: 50 + TEXTLESS_TOKENS_PER_CHOICE,
    })
  })

  it('never bills more prompt than was held for it', () => {
    expect(maxPromptTokens(200, 2)).toBe(472)
    expect(bill({ claimed: makeUsage(472, 1) })).toMatchObject({ promptTokens: 472 })
    expect(bill({ claimed: makeUsage(473, 1) })).toMatchObject({ promptTokens: 472 })
  })

  it('bills a hang-up before the usage chunk by events', () => {
    expect(bill({ claimed: undefined, ended: 'cut' })).toEqual({
      promptTokens: 50,
      completionTokens: 11,
    })
  })

  it('bounds a cut answer by the claim, and the claim by the events', () => {
    expect(bill({ ended: 'cut', claimed: makeUsage(40, 7) })).toMatchObject({ completionTokens: 7 })
    expect(bill({ ended: 'cut', claimed: makeUsage(40, 90) })).toMatchObject({
      completionTokens: 11,
    })
  })

  it('bills nothing for nothing', () => {
    for (const nothing of [{ contentEvents: 0 }, { contentBytes: 0 }]) {
      expect(bill(nothing)).toEqual({ promptTokens: 0, completionTokens: 0 })
    }
  })

  const count = fc.nat({ max: 1_000_000 })
  const delivery: fc.Arbitrary<Delivery> = fc
    .record({
      claimed: fc.option(
        fc.tuple(count, count).map((pair) => makeUsage(...pair)),
        { nil: undefined },
      ),
      contentEvents: count,
      moreBytes: count,
      choices: fc.integer({ min: 1, max: 8 }),
      requestBytes: count,
      messages: fc.integer({ min: 1, max: 4096 }),
      ended: fc.constantFrom('complete', 'cut'),
    })
    .map(({ moreBytes, ...rest }) => ({ ...rest, contentBytes: rest.contentEvents + moreBytes }))

  it('stays whole, within the claim and within what was delivered', () => {
    fc.assert(
      fc.property(delivery, (given) => {
        const { promptTokens, completionTokens } = billableTokens(given)
        const slack = TEXTLESS_TOKENS_PER_CHOICE * given.choices
        for (const tokens of [promptTokens, completionTokens]) {
          expect(Number.isSafeInteger(tokens) && tokens >= 0).toBe(true)
        }
        expect(completionTokens).toBeLessThanOrEqual(given.contentBytes + slack)
        if (given.claimed) {
          expect(completionTokens).toBeLessThanOrEqual(given.claimed.completion_tokens)
          expect(promptTokens).toBeLessThanOrEqual(given.claimed.prompt_tokens)
        }
        if (given.ended === 'cut') expect(completionTokens).toBeLessThanOrEqual(given.contentEvents)
      }),
    )
  })

  it('never pays a provider for claiming more, nor a client for hanging up later', () => {
    fc.assert(
      fc.property(delivery, count, count, (given, more, later) => {
        const billed = billableTokens(given)
        if (given.claimed) {
          const { prompt_tokens: prompt, completion_tokens: completion } = given.claimed
          const bound = Math.max(
            billed.completionTokens,
            given.contentBytes + TEXTLESS_TOKENS_PER_CHOICE * given.choices,
          )
          const greedy = billableTokens({ ...given, claimed: makeUsage(prompt, completion + more) })
          expect(greedy.completionTokens).toBeLessThanOrEqual(bound)
        }
        const further = {
          ...given,
          contentEvents: given.contentEvents + later,
          contentBytes: given.contentBytes + later,
        }
        expect(billableTokens(further).completionTokens).toBeGreaterThanOrEqual(
          billed.completionTokens,
        )
      }),
    )
  })
})
