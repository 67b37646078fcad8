import { hexToBytes } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { encodeInvoice, type InvoiceDraft } from '../bolt11/encode-invoice.ts'
import {
  SPEC_PAYEE,
  SPEC_PAYMENT_HASH,
  SPEC_PAYMENT_SECRET,
  SPEC_PRIVATE_KEY,
} from '../bolt11/fixtures/spec-vectors.ts'
import { checkInvoice, type DestinationRules } from './destination-guard.ts'

const NOW = 1_767_225_600
const SOMEBODY = `02${'11'.repeat(32)}`
const rules: DestinationRules = {
  network: 'regtest',
  amountMsat: 5000n,
  payee: SPEC_PAYEE,
  ourNode: SOMEBODY,
  now: NOW,
}
const good: InvoiceDraft = {
  network: 'regtest',
  amountMsat: 5000n,
  timestamp: NOW,
  expirySeconds: 600,
  minFinalCltv: 144,
  paymentHash: SPEC_PAYMENT_HASH,
  paymentSecret: SPEC_PAYMENT_SECRET,
  description: { kind: 'text', text: 'payout' },
}
const { amountMsat: _, ...withoutAmount } = good
const written = (draft: InvoiceDraft) => encodeInvoice(draft, hexToBytes(SPEC_PRIVATE_KEY))

describe('an invoice to be paid', () => {
  it('is taken when it is what was agreed on', () => {
    expect(checkInvoice(written(good), rules)).toMatchObject({ paymentHash: SPEC_PAYMENT_HASH })
    expect(checkInvoice(written(good), { ...rules, payee: undefined }).payee).toBe(SPEC_PAYEE)
  })

  it.each<[string, string, string, Partial<DestinationRules>]>([
    ['is none', 'unreadable', 'lnbcrt1nonsense', {}],
    ['is for another network', 'network', written({ ...good, network: 'mainnet' }), {}],
    ['is for more', 'amount', written({ ...good, amountMsat: 5001n }), {}],
    ['is for less', 'amount', written({ ...good, amountMsat: 4999n }), {}],
    ['is for any amount', 'amount', written(withoutAmount), {}],
    ['is from somebody else', 'payee', written(good), { payee: SOMEBODY }],
    ['is our own', 'self', written(good), { ourNode: SPEC_PAYEE }],
    ['ends too soon', 'expiry', written({ ...good, expirySeconds: 599 }), {}],
    ['has ended', 'expiry', written(good), { now: NOW + 601 }],
    ['locks money for too long', 'cltv', written({ ...good, minFinalCltv: 145 }), {}],
  ])('is refused when it %s', (_name, code, bolt11, change) => {
    expect(() => checkInvoice(bolt11, { ...rules, ...change })).toThrow(
      expect.objectContaining({ name: 'DestinationError', code }),
    )
  })
})
