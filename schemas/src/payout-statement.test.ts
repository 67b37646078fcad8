import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { payoutFault, signablePayout, signPayout, verifyPayout } from './payout-statement.ts'
import { newSigner } from './testing/signer.ts'
import { payoutSchema, type Capability, type Payout, type PayoutWishes } from './wire.ts'

const signer = newSigner()
const NODE = `02${'ab'.repeat(32)}`
const NOW = Date.UTC(2026, 0)

const pubkey = fc.constantFrom(NODE, `03${'cd'.repeat(32)}`)
const destination: fc.Arbitrary<PayoutWishes['to']> = fc.oneof(
  fc.record({
    kind: fc.constant('lightning_address' as const),
    address: fc.constantFrom('a@b.example', 'a.b@c.example', 'b@b.example'),
  }),
  fc.record({ kind: fc.constant('keysend' as const), pubkey }),
  fc.record({ kind: fc.constant('invoice' as const), pubkey }, { requiredKeys: ['kind'] }),
)
const time = fc.oneof(
  fc.record({ when: fc.constantFrom('at_once' as const, 'threshold' as const) }),
  fc.record({
    when: fc.constant('threshold' as const),
    threshold_sat: fc.integer({ min: 1, max: 1_000 }),
  }),
  fc.constant({}),
)
const wishes: fc.Arbitrary<PayoutWishes> = fc
  .tuple(destination, time)
  .map(([to, when]) => ({ to, ...when }))
const issuedAt = fc.nat({ max: Number.MAX_SAFE_INTEGER })

describe('where a provider’s money goes', () => {
  it('is good as it was signed, also after its way through JSON', () => {
    fc.assert(
      fc.property(wishes, issuedAt, (wanted, at) => {
        const payout = signPayout(signer, wanted, at)
        expect(verifyPayout(signer.peer, payout)).toBe(true)
        const read = payoutSchema.parse(JSON.parse(JSON.stringify(payout)))
        expect(read).toEqual(payout)
        expect(verifyPayout(signer.peer, read)).toBe(true)
      }),
    )
  })

  it('is good for no other wishes and no other time', () => {
    fc.assert(
      fc.property(wishes, issuedAt, wishes, issuedAt, (wanted, at, other, otherAt) => {
        const payout = signPayout(signer, wanted, at)
        for (const [changed, when] of [
          [other, at],
          [wanted, otherAt],
          [other, otherAt],
        ] as const) {
          const isSame = JSON.stringify([changed, when]) === JSON.stringify([wanted, at])
          const forged = { ...changed, issued_at: when, signature: payout.signature }
          expect(verifyPayout(signer.peer, forged)).toBe(isSame)
        }
      }),
    )
  })

  it('is good with no bit of its signature changed, nor cut short', () => {
    const payout = signPayout(signer, { to: { kind: 'invoice' } }, NOW)
    fc.assert(
      fc.property(fc.nat({ max: 511 }), fc.nat({ max: 63 }), (bit, length) => {
        const bytes = Buffer.from(payout.signature, 'base64url')
        const cut = bytes.subarray(0, length).toString('base64url')
        expect(verifyPayout(signer.peer, { ...payout, signature: cut })).toBe(false)
        bytes[bit >>> 3]! ^= 1 << (bit & 7)
        const signature = bytes.toString('base64url')
        expect(verifyPayout(signer.peer, { ...payout, signature })).toBe(false)
      }),
    )
  })

  it('is good for its provider alone', () => {
    const payout = signPayout(signer, { to: { kind: 'keysend', pubkey: NODE } }, NOW)
    const other = newSigner()
    expect(verifyPayout(other.peer, payout)).toBe(false)
    expect(verifyPayout('12D3KooWnobody', payout)).toBe(false)
    const stolen = signPayout({ ...other, peer: signer.peer }, payout, NOW)
    expect(verifyPayout(signer.peer, stolen)).toBe(false)
  })

  it.each<[string, PayoutWishes, readonly string[]]>([
    [
      'an address',
      { to: { kind: 'lightning_address', address: 'a@b.example' } },
      ['lightning_address', 'a@b.example', '', ''],
    ],
    [
      'keysend',
      { to: { kind: 'keysend', pubkey: NODE }, when: 'at_once' },
      ['keysend', NODE, 'at_once', ''],
    ],
    [
      'invoices',
      { to: { kind: 'invoice' }, when: 'threshold', threshold_sat: 5 },
      ['invoice', '', 'threshold', '5'],
    ],
  ])('signs the documented bytes for %s', (_name, wanted, fields) => {
    const text = Buffer.from(signablePayout(signer.peer, { ...wanted, issued_at: NOW })).toString()
    expect(text.split('\0')).toEqual(['infernet/payout/1', signer.peer, String(NOW), ...fields])
  })

  it('can be left unsaid in a capability record, and not be unsigned there', () => {
    const record: Capability = {
      models: [],
      slots: 1,
      data_collection: 'deny',
      engine: '',
      agent: '',
    }
    const fault = (payout?: Payout) => payoutFault(signer.peer, { ...record, payout })
    const payout = signPayout(signer, { to: { kind: 'invoice' } }, NOW)
    expect(fault()).toBeUndefined()
    expect(fault(payout)).toBeUndefined()
    expect(fault({ ...payout, issued_at: NOW + 1 })).toContain('not signed')
  })
})
