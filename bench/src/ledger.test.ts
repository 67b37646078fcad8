import { describe, expect, it } from 'vitest'
import { judgeLedger, type LedgerFigures, renderLedger } from './ledger.ts'

const figures = (ratio: number): LedgerFigures => ({
  server: 'PostgreSQL 15, fsync on',
  rows: [
    { name: 'post()', perSecond: 1000, ratio },
    { name: 'other', perSecond: 1, ratio: 0 },
  ],
})

describe('the ledger', () => {
  it('is judged by single postings', () => {
    expect(judgeLedger(figures(0.7))).toMatchObject([{ outcome: 'met', ratio: 0.7 }])
    expect(judgeLedger(figures(0.69))).toMatchObject([{ outcome: 'NOT met', ratio: 0.69 }])
  })

  it('says what it was measured on', () => {
    expect(renderLedger(figures(0.7)).join('\n')).toContain('fsync on')
  })

  it('is neither judged nor shown when it was not measured', () => {
    expect(judgeLedger(undefined)).toEqual([])
    expect(renderLedger(undefined)).toEqual([])
  })
})
