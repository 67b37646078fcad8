import { specIdOf } from '@infernet/schemas/model-spec'
import type { SignedReceipt } from '@infernet/schemas/receipt'
import { claimOf, DRAWN_SPEC, drawnAnswer } from '@infernet/verification/testing/drawn-answer'
import { MIN_REFUSALS } from '@infernet/verification/verdict/silence'
import { describe, expect, it } from 'vitest'
import { convictingEvidence } from './conviction.ts'

const SAMPLER = { temperature: 0.8, top_k: 10, top_p: 0.95, min_p: 0.05, seed: '7' }
const OPENED = drawnAnswer(SAMPLER, 3)
const CLAIM = claimOf(OPENED, SAMPLER, specIdOf(DRAWN_SPEC))

const receiptOf = (index: number): SignedReceipt => ({
  statement: 'AA',
  signature: 'AA',
  index,
  size: 8,
  path: [],
})
const receipt = receiptOf(0)
const answer = {
  body: new Uint8Array(2),
  seed: 7,
  finishReason: 'length',
  maxOutputTokens: 3,
  contentBytes: 3,
  ttftMs: 1,
  totalMs: 2,
}
const failed = (isOpen = false) => ({
  answer: { ...answer, isOpen },
  modelSpec: DRAWN_SPEC,
  signed: { statement: { claim: CLAIM }, receipt },
})
const proof = { receipt, opened: OPENED, rendering: undefined, scores: [], calibration: undefined }

describe('what convicts of a false answer', () => {
  it.each([true, false])('is what was opened of it; open to all: %s', (isOpen) => {
    const evidence = convictingEvidence(failed(isOpen), proof, [])
    expect(evidence?.isOpen).toBe(isOpen)
    expect(JSON.parse(evidence?.json ?? '')).toMatchObject({ receipt, rendered: null, scores: [] })
  })

  it('is nothing that was not signed', () => {
    const other = { ...proof, opened: drawnAnswer({ ...SAMPLER, seed: '8' }, 4) }
    expect(convictingEvidence(failed(), other, [])).toBeUndefined()
    const { signed: _, ...unsigned } = failed()
    expect(convictingEvidence(unsigned, proof, [])).toBeUndefined()
  })
})

describe('what convicts of silence', () => {
  const refusal = (index: number) => ({ receipt: receiptOf(index), asked_at: index })
  /** The last of them is that of the answer which has failed. */
  const refusals = (count: number) => [
    ...Array.from({ length: count - 1 }, (_, i) => refusal(i + 1)),
    { receipt, asked_at: count },
  ]

  it('are so many refusals in a row, for anybody to read', () => {
    const enough = refusals(MIN_REFUSALS)
    expect(convictingEvidence(failed(), undefined, refusals(MIN_REFUSALS - 1))).toBeUndefined()
    const evidence = convictingEvidence(failed(), undefined, enough)
    expect(evidence?.isOpen).toBe(true)
    expect(JSON.parse(evidence?.json ?? '')).toMatchObject({ kind: 'silence', refusals: enough })
  })

  it('are none when the answer itself had an excuse', () => {
    const before = [...refusals(MIN_REFUSALS), refusal(9)]
    expect(convictingEvidence(failed(), undefined, before)).toBeUndefined()
  })
})
