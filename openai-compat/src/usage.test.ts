import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  billableEmbeddings,
  billableLegs,
  billableTokens,
  billedUsage,
  type DeliveredLeg,
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

const tokens = (promptTokens: number, completionTokens: number): unknown => ({
  promptTokens,
  completionTokens,
})

const toLeg = ({ claimed, contentEvents, contentBytes, ended }: Delivery): DeliveredLeg => ({
  claimed,
  contentEvents,
  contentBytes,
  ended,
})

describe('billableLegs', () => {
  const leg: DeliveredLeg = {
    claimed: undefined,
    contentEvents: 4,
    contentBytes: 20,
    ended: 'cut',
  }
  const request = { choices: 1, requestBytes: 200, messages: 2, maxCompletionTokens: 1000 }
  it('pays each for its text, and the one that ended for the prompt', () => {
    const last: DeliveredLeg = {
      claimed: makeUsage(44, 6),
      contentEvents: 5,
      contentBytes: 25,
      ended: 'complete',
    }
    // The second one's prompt of 44 tokens has the first one's 4 in it.
    expect(billableLegs({ ...request, legs: [leg, last] })).toEqual([tokens(0, 4), tokens(40, 6)])
  })

  it('pays for the prompt whoever ended an answer without a word of its own', () => {
    const last: DeliveredLeg = {
      claimed: makeUsage(44, 1),
      contentEvents: 0,
      contentBytes: 0,
      ended: 'complete',
    }
    expect(billableLegs({ ...request, legs: [leg, last] })).toEqual([tokens(0, 4), tokens(40, 0)])
  })

  it('pays for the prompt the last that delivered, when nobody ended', () => {
    const silent: DeliveredLeg = { ...leg, contentEvents: 0, contentBytes: 0 }
    expect(billableLegs({ ...request, legs: [leg, { ...leg, contentEvents: 2 }, silent] })).toEqual(
      [tokens(0, 4), tokens(50, 2), tokens(0, 0)],
    )
  })

  it('bounds the sum by what the hold was made for', () => {
    const legs = [leg, leg, leg]
    const billed = billableLegs({ ...request, legs, maxCompletionTokens: 6 })
    expect(billed.map(({ completionTokens }) => completionTokens)).toEqual([4, 2, 0])
  })

  it('never bills a prompt below nothing', () => {
    const last: DeliveredLeg = { ...leg, claimed: makeUsage(1, 1), ended: 'complete' }
    expect(billableLegs({ ...request, legs: [leg, last] })[1]).toEqual(tokens(0, 1))
  })

  it('bills one leg as billableTokens does', () => {
    fc.assert(
      fc.property(delivery, (given) => {
        const legs = [toLeg(given)]
        const most = Number.MAX_SAFE_INTEGER
        expect(billableLegs({ ...given, legs, maxCompletionTokens: most })).toEqual([
          billableTokens(given),
        ])
      }),
    )
  })

  it('charges one prompt at most, and no leg more than it delivered', () => {
    fc.assert(
      fc.property(fc.array(delivery, { minLength: 1, maxLength: 4 }), count, (given, most) => {
        const cut = given.slice(0, -1).map((one) => toLeg({ ...one, ended: 'cut' }))
        const legs = [...cut, toLeg(given.at(-1) as Delivery)]
        const { choices, requestBytes, messages } = given[0] as Delivery
        const whole = { choices, requestBytes, messages, legs, maxCompletionTokens: most }
        const billed = billableLegs(whole)
        expect(billed).toHaveLength(legs.length)
        expect(billed.filter(({ promptTokens }) => promptTokens > 0).length).toBeLessThan(2)
        const sum = billed.reduce((all, { completionTokens }) => all + completionTokens, 0)
        expect(sum).toBeLessThanOrEqual(most)
        for (const [i, one] of billed.entries()) {
          const { contentEvents, contentBytes, ended } = legs[i] as DeliveredLeg
          const slack = ended === 'complete' ? TEXTLESS_TOKENS_PER_CHOICE * choices : 0
          expect(one.promptTokens).toBeLessThanOrEqual(maxPromptTokens(requestBytes, messages))
          expect(one.completionTokens).toBeLessThanOrEqual(contentBytes + slack)
          if (ended === 'cut') expect(one.completionTokens).toBeLessThanOrEqual(contentEvents)
        }
        const isSilent = legs.every((one) => one.contentEvents === 0 || one.contentBytes === 0)
        if (isSilent) expect(billed).toEqual(legs.map(() => tokens(0, 0)))
      }),
    )
  })
})

describe('billableEmbeddings', () => {
  it.each([
    ['as claimed', makeUsage(7, 0), 7],
    ['no completion', makeUsage(7, 9), 7],
    ['bounded by the request', makeUsage(101, 0), 100],
    ['estimated', undefined, 25],
  ])('%s', (_name, claimed, promptTokens) => {
    expect(billableEmbeddings({ claimed, requestBytes: 100 })).toEqual({
      promptTokens,
      completionTokens: 0,
    })
  })
})

describe('billedUsage', () => {
  it('adds the cost in msat and in satoshi', () => {
    expect(billedUsage(makeUsage(3, 4), 1234)).toEqual({
      ...makeUsage(3, 4),
      cost: 1234,
      cost_sat: 1.234,
    })
  })
})
