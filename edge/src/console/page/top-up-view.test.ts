import { describe, expect, it } from 'vitest'
import { formatLeft, isOver, secondsLeft, topUpView } from './top-up-view.ts'

const topUp = (status: 'requested' | 'open' | 'settled' | 'expired', credited = false) => ({
  status,
  credited,
  paid_msat: status === 'settled' ? '21000' : '0',
  expires_at: status === 'requested' ? null : 1_000,
})

describe('topUpView', () => {
  it.each([
    [topUp('requested'), 999, 'making', false],
    [topUp('open'), 999, 'payable', false],
    [topUp('open'), 1_000, 'expired', false],
    [topUp('settled'), 2_000, 'crediting', false],
    [topUp('settled', true), 2_000, 'paid', true],
    [topUp('expired'), 0, 'expired', true],
  ] as const)('%j at %d is %s', (facts, now, phase, over) => {
    expect(topUpView(facts, now).phase).toBe(phase)
    expect(isOver(facts)).toBe(over)
  })

  it('says what has arrived, not what was asked for', () => {
    expect(topUpView(topUp('settled', true), 0).text).toContain('21 sat')
  })
})

describe('the time that is left', () => {
  it('counts down to nothing, and not below', () => {
    const left = (now: number) => formatLeft(secondsLeft({ expires_at: 3_600 }, now))
    expect([0, 0.5, 1, 3_540, 3_599, 3_600, 9_999].map(left)).toEqual([
      '60:00',
      '60:00',
      '59:59',
      '1:00',
      '0:01',
      '0:00',
      '0:00',
    ])
    expect(secondsLeft({ expires_at: null }, 0)).toBe(0)
  })
})
