import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Balances } from '../ledger/balances.ts'
import type { EscrowDecision } from './escrow-store.ts'
import { checkDecision, settledPostings } from './settled-postings.ts'

const FEE_BPS = 100
const grosses = fc.array(fc.bigInt(1n, 10n ** 12n), { minLength: 1, maxLength: 4 })
const surpluses = fc.bigInt(0n, 10n ** 12n)

const row = (amountMsat: bigint, decision?: EscrowDecision) => ({
  paymentHash: 'ab'.repeat(32),
  job: 'a',
  payer: 'client:ada' as const,
  amountMsat,
  decision,
})

describe('what a settled escrow posts', () => {
  it('hands out all that was paid, whatever the parts', () => {
    fc.assert(
      fc.property(grosses, surpluses, fc.boolean(), (parts, surplus, good) => {
        const price = parts.reduce((sum, part) => sum + part, 0n)
        const legs = parts.map((gross, index) => ({ provider: `p${index}`, gross }))
        const verdict: EscrowDecision = { kind: 'settle', legs, feeBps: FEE_BPS }
        checkDecision(verdict, price)
        const ledger = new Balances()
        for (const posting of settledPostings(
          row(price, good ? verdict : undefined),
          price + surplus,
        ))
          ledger.post(posting)
        const { had, owed, own } = ledger.position()
        expect(had).toBe(price + surplus)
        expect(owed + own).toBe(had)
        expect(ledger.of('escrow:a')).toBe(0n)
        expect(ledger.of('client:ada')).toBe(good ? surplus : price + surplus)
      }),
    )
  })

  it('is nothing when less than the price was settled', () => {
    const underpaid = expect.objectContaining({ name: 'EscrowError', code: 'underpaid' })
    expect(() => settledPostings(row(5n), 4n)).toThrow(underpaid)
  })
})
