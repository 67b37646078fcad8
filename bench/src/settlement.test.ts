import { describe, expect, it } from 'vitest'
import { judgeSettlement, renderSettlement, type SettlementFigures } from './settlement.ts'

const figures = (ratio: number): SettlementFigures => ({
  node: 'LND 1 on regtest',
  rows: [
    { name: 'an invoice, paid', p50: 100, p99: 200, perSecond: 20, ratio: 1 },
    {
      name: 'a payout: posted, invoice asked for, written down, paid, posted',
      p50: 120,
      p99: 240,
      perSecond: 18,
      ratio,
    },
  ],
})

describe('payouts on LND', () => {
  it('are judged by their share of the bare loop', () => {
    expect(judgeSettlement(figures(0.7))).toMatchObject([{ outcome: 'met', ratio: 0.7 }])
    expect(judgeSettlement(figures(0.69))).toMatchObject([{ outcome: 'NOT met', ratio: 0.69 }])
  })

  it('say what they were measured on', () => {
    expect(renderSettlement(figures(1)).join('\n')).toContain('LND 1 on regtest')
  })

  it('are neither judged nor shown when LND is not built', () => {
    expect(judgeSettlement(undefined)).toEqual([])
    expect(renderSettlement(undefined)).toEqual([])
  })
})
