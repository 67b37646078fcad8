import { secp256k1 } from '@noble/curves/secp256k1.js'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { bech32 } from '@scure/base'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_INVOICE_MSAT } from './amount.ts'
import { Bolt11Error } from './bolt11-error.ts'
import { decodeInvoice } from './decode-invoice.ts'
import { encodeInvoice, type InvoiceDraft } from './encode-invoice.ts'
import {
  INVALID_INVOICES,
  SPEC_PAYEE,
  SPEC_PAYMENT_HASH,
  SPEC_PAYMENT_SECRET,
  SPEC_PRIVATE_KEY,
  VALID_INVOICES,
} from './fixtures/spec-vectors.ts'
import {
  MAX_CLTV,
  MAX_EXPIRY_SECONDS,
  MAX_INVOICE_LENGTH,
  MAX_TIMESTAMP,
  NETWORK_PREFIX,
  type Bolt11Network,
} from './invoice.ts'

const key = hexToBytes(SPEC_PRIVATE_KEY)
const draft: InvoiceDraft = {
  network: 'mainnet',
  timestamp: 1_496_314_658,
  paymentHash: SPEC_PAYMENT_HASH,
  paymentSecret: SPEC_PAYMENT_SECRET,
  description: { kind: 'text', text: '1 cup coffee' },
}
const codeOf = (action: () => unknown): string => {
  try {
    action()
  } catch (error) {
    if (error instanceof Bolt11Error) return error.code
    throw error
  }
  return 'ok'
}

describe("BOLT 11's examples", () => {
  it.each(VALID_INVOICES)('reads $name', ({ name, invoice, says }) => {
    const decoded = decodeInvoice(invoice)
    expect(decoded).toMatchObject({
      network: 'mainnet',
      paymentSecret: SPEC_PAYMENT_SECRET,
      ...says,
      expiresAt: decoded.timestamp + decoded.expirySeconds,
    })
    if (!name.startsWith('high-S')) expect(decoded.payee).toBe(SPEC_PAYEE)
  })

  it.each(INVALID_INVOICES)('refuses $name', ({ invoice, code }) => {
    expect(codeOf(() => decodeInvoice(invoice))).toBe(code)
  })

  it('reads hash, metadata and features', () => {
    const of = (name: string) =>
      decodeInvoice(VALID_INVOICES.find((vector) => vector.name === name)?.invoice ?? '')
    expect(of('features 8, 14 and 99').features).toEqual([8, 14, 99])
    expect(of('fields that must be ignored').paymentHash).toBe(SPEC_PAYMENT_HASH)
    expect(of('payment metadata')).toMatchObject({ metadata: '01fafaf0', features: [8, 14, 48] })
  })
})

const hex32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(bytesToHex)
const drafts = fc.record({
  network: fc.constantFrom(...(Object.keys(NETWORK_PREFIX) as Bolt11Network[])),
  amountMsat: fc.option(fc.bigInt(1n, MAX_INVOICE_MSAT), { nil: undefined }),
  timestamp: fc.integer({ min: 0, max: MAX_TIMESTAMP }),
  expirySeconds: fc.integer({ min: 0, max: MAX_EXPIRY_SECONDS }),
  paymentHash: hex32,
  paymentSecret: hex32,
  description: fc.oneof(
    fc.record({
      kind: fc.constant('text' as const),
      text: fc.string({ unit: 'binary', maxLength: 100 }),
    }),
    fc.record({ kind: fc.constant('hash' as const), sha256: hex32 }),
  ),
  minFinalCltv: fc.integer({ min: 0, max: MAX_CLTV }),
  features: fc.constantFrom([], [8, 14], [8, 14, 17], [9, 15, 16, 25, 99], [8, 14, 48, 5113]),
  metadata: fc.option(fc.uint8Array({ maxLength: 639 }).map(bytesToHex), { nil: undefined }),
})
const privateKeys = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .filter((bytes) => secp256k1.utils.isValidSecretKey(bytes))

describe('encodeInvoice', () => {
  it('writes what decodeInvoice reads', () => {
    fc.assert(
      fc.property(drafts, privateKeys, (written, privateKey) => {
        const read = decodeInvoice(encodeInvoice(written, privateKey))
        expect(read).toEqual({
          ...written,
          expiresAt: written.timestamp + written.expirySeconds,
          payee: bytesToHex(secp256k1.getPublicKey(privateKey, true)),
        })
      }),
      { numRuns: 60 },
    )
  })

  it.each<[string, Partial<InvoiceDraft>, string]>([
    ['no amount at all', { amountMsat: 0n }, 'amount'],
    ['more bitcoin than there is', { amountMsat: MAX_INVOICE_MSAT + 1n }, 'amount'],
    ['a short hash', { paymentHash: '00' }, 'field'],
    ['a hash that is none', { paymentHash: 'zz'.repeat(32) }, 'field'],
    ['a fraction of a second', { timestamp: 0.5 }, 'field'],
    ['an expiry beyond the limit', { expirySeconds: MAX_EXPIRY_SECONDS + 1 }, 'field'],
    ['a long description', { description: { kind: 'text', text: 'x'.repeat(640) } }, 'field'],
    ['half a surrogate pair', { description: { kind: 'text', text: '\ud800' } }, 'field'],
    ['long metadata', { metadata: '00'.repeat(640) }, 'field'],
    ['a feature nobody knows', { features: [8, 14, 100] }, 'feature'],
    ['a feature without the one it needs', { features: [8, 17] }, 'feature'],
    ['a feature bit beyond the field', { features: [8, 14, 1_000_001] }, 'feature'],
  ])('refuses %s', (_, change, code) => {
    expect(codeOf(() => encodeInvoice({ ...draft, ...change }, key))).toBe(code)
  })
})

describe('decodeInvoice', () => {
  it('throws Bolt11Error or nothing, whatever it is given', () => {
    const valid = encodeInvoice({ ...draft, amountMsat: 1n }, key)
    const { words } = bech32.decode(valid as `${string}1${string}`, false)
    const words5 = fc.array(fc.integer({ min: 0, max: 31 }), { maxLength: 300 })
    const prefix = fc.constantFrom(
      'lnbc',
      'lnbcrt10p',
      'lnbc1x',
      'ln',
      'lntb99999999999999999999999',
    )
    const anything = fc.oneof(
      fc.string(),
      fc.tuple(prefix, words5).map(([name, some]) => bech32.encode(name, some, false)),
      fc
        .tuple(prefix, fc.nat(words.length - 1), fc.integer({ min: 0, max: 31 }))
        .map(([name, at, word]) => bech32.encode(name, words.with(at, word), false)),
    )
    fc.assert(fc.property(anything, (text) => codeOf(() => decodeInvoice(text)) !== ''))
  })

  it('refuses an altered invoice even with a right checksum', () => {
    const text = encodeInvoice({ ...draft, amountMsat: 1000n }, key)
    const { prefix, words } = bech32.decode(text as `${string}1${string}`, false)
    const payees = [
      bech32.encode(prefix.replace('10n', '90n'), words, false),
      bech32.encode(prefix, words.with(10, (words[10] ?? 0) ^ 1), false),
    ].map((altered) => decodeInvoice(altered).payee)
    expect(payees).not.toContain(SPEC_PAYEE)
  })

  it('refuses more characters than the limit before it looks at them', () => {
    expect(codeOf(() => decodeInvoice('x'.repeat(MAX_INVOICE_LENGTH + 1)))).toBe('too_long')
    expect(codeOf(() => decodeInvoice('x'.repeat(MAX_INVOICE_LENGTH)))).toBe('bech32')
  })
})
