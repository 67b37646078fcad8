import { describe, expect, it } from 'vitest'
import { isEnded, withdrawalText } from './withdrawal-view.ts'

const facts = { amount_msat: '1500000', fee_msat: null, failure: null }

describe('withdrawalText', () => {
  it('says what was paid and what it cost', () => {
    expect(withdrawalText({ ...facts, status: 'succeeded', fee_msat: '1050' })).toBe(
      '1,500 sat were paid. Routing cost 1.05 sat.',
    )
  })

  it('says that the money is back, and why', () => {
    const text = withdrawalText({ ...facts, status: 'failed', failure: 'no_route' })
    expect(text).toBe('1,500 sat could not be paid (no route). They are back in your balance.')
  })

  it.each([
    ['requested', false],
    ['funded', false],
    ['paying', false],
    ['succeeded', true],
    ['failed', true],
    ['refused', true],
  ] as const)('has a sentence for %s, which is the end: %s', (status, ended) => {
    expect(withdrawalText({ ...facts, status })).toContain('1,500 sat')
    expect(isEnded({ status })).toBe(ended)
  })
})
