import { encodeUtf8 } from '@infernet/schemas/utf8'
import { describe, expect, it } from 'vitest'
import type { DeliveredAnswer } from './judge.ts'
import { receiptFaults } from './receipt-faults.ts'

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
  return receiptFaults({ ...ANSWER, ...answer }, { usage }, 'spec')
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
})
