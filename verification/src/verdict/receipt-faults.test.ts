import { encodeUtf8 } from '@infernet/schemas/utf8'
import { describe, expect, it } from 'vitest'
import { claimOf, drawnAnswer } from '../testing/drawn-answer.ts'
import type { DeliveredAnswer } from './judge.ts'
import { receiptFaults } from './receipt-faults.ts'

const SAMPLER = { temperature: 1, top_k: 10, top_p: 0.95, min_p: 0.05, seed: '1' }

const ANSWER: DeliveredAnswer = {
  body: encodeUtf8('{"model":"demo"}'),
  seed: 1,
  finishReason: 'stop',
  maxOutputTokens: 100,
  contentBytes: 40,
  ttftMs: 10,
  totalMs: 1_000,
}

/** What is wrong with a receipt that claims so many tokens for `answer`. */
const faultsOf = (tokens: number, answer: Partial<DeliveredAnswer> = {}) => {
  const usage = { prompt_tokens: 1, completion_tokens: tokens }
  const times = { started_at: 0, ended_at: 900 }
  const found = receiptFaults({ ...ANSWER, ...answer }, { usage, ...times }, 'spec')
  return found.map(({ detail }) => detail)
}

describe('a receipt, at first sight', () => {
  it('may claim what can have been said', () => {
    for (const tokens of [0, 1, 40, 96]) expect(faultsOf(tokens)).toEqual([])
  })

  it('may not claim more than the bytes that came', () => {
    expect(faultsOf(97)).toEqual(['97 completion tokens claimed, 40 at most delivered'])
    expect(faultsOf(17, { contentBytes: 0 })).toHaveLength(1)
  })

  it('may, of an answer that was cut, or whose bytes are not known', () => {
    expect(faultsOf(97, { finishReason: undefined })).toEqual([])
    expect(faultsOf(97, { contentBytes: undefined })).toEqual([])
  })

  it('may not claim more than was allowed', () => {
    expect(faultsOf(101, { contentBytes: 500 })).toEqual(['101 tokens, and 100 were allowed'])
  })

  it('may not have come faster than its machine and its network can be', () => {
    const bounds = { maxTokensPerSecond: 60, roundTripMs: 50 }
    expect(faultsOf(90, bounds)).toEqual([])
    expect(faultsOf(90, { ...bounds, totalMs: 800 })).toEqual([
      '109 tokens/s where 60 are possible',
    ])
    expect(faultsOf(90, { ...bounds, roundTripMs: 60 })).toEqual([
      'first token after 10 ms, a round trip takes 60 ms',
    ])
  })

  it('is held to what it claims', () => {
    const usage = { prompt_tokens: 7, completion_tokens: 5 }
    const transcript = drawnAnswer(SAMPLER, 5)
    const claim = claimOf(transcript, SAMPLER, 'spec')
    const found = (spec: string, more: Partial<typeof claim> = {}) =>
      receiptFaults(
        ANSWER,
        { usage, claim: { ...claim, ...more }, started_at: 0, ended_at: 0 },
        spec,
      )
    expect(found('spec').map(({ check }) => check)).toEqual(['usage'])
    expect(found('spec', { prompt_ids: 6 })).toEqual([])
    expect(found('other', { prompt_ids: 7 })).toMatchObject([{ check: 'opening' }])
    const sampler = { ...SAMPLER, seed: '2' }
    expect(found('spec', { prompt_ids: 7, sampler })).toMatchObject([{ check: 'settings' }])
  })
})
