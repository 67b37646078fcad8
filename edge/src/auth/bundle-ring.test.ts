import { createHash } from 'node:crypto'
import { bundleId } from '@infernet/schemas/ids'
import { writeApiKey, writeAuthorization } from '@infernet/settlement/l402/authorization'
import { mintToken, type Credential } from '@infernet/settlement/l402/credential'
import { MasterKeys, TOKEN_RANDOM_BYTES } from '@infernet/settlement/l402/root-key'
import { describe, expect, it } from 'vitest'
import { MAX_CACHED_BUNDLES } from '../limits.ts'
import { BundleRing } from './bundle-ring.ts'

const keys = new MasterKeys([new Uint8Array(32).fill(7)])
const preimage = new Uint8Array(32).fill(1)
const paymentHash = new Uint8Array(createHash('sha256').update(preimage).digest())
const random = new Uint8Array(TOKEN_RANDOM_BYTES).fill(0xab)
const macaroon = mintToken(keys, { paymentHash, random, limits: { validUntil: 2000 } }, 1_000_000)
const credential: Credential = { macaroon, preimage }

describe('a bundle ring', () => {
  it('knows whose a credential is, in either form, and remembers it', () => {
    const ring = new BundleRing(keys)
    const header = writeAuthorization(credential)
    const identity = ring.identify(header)
    expect(identity).toMatchObject({
      accountId: bundleId(Buffer.from(paymentHash).toString('hex')),
      apiKeyId: 'ab'.repeat(8),
      limits: { key: { maxConcurrent: null }, account: { maxConcurrent: 16 } },
      bundle: { limits: { validUntil: 2000 }, whole: true },
    })
    expect(ring.identify(header)).toBe(identity)
    expect(ring.identify(`Bearer ${writeApiKey(credential)}`)).toEqual(identity)
  })

  it('has nothing to say of API keys', () => {
    expect(new BundleRing(keys).identify('Bearer sk-infer-1')).toBeUndefined()
  })

  it('does not remember what is bad', () => {
    const ring = new BundleRing(keys)
    const forged = writeAuthorization({ macaroon, preimage: new Uint8Array(32) })
    for (let i = 0; i < 2; i++) {
      expect(() => ring.identify(forged)).toThrow(
        expect.objectContaining({ status: 401, code: 'invalid_l402' }),
      )
    }
    const retired = new BundleRing(new MasterKeys([new Uint8Array(32).fill(8)]))
    expect(() => retired.identify(writeAuthorization(credential))).toThrow(/not issued here/)
  })

  it('remembers a bounded number, and drops the oldest', () => {
    const ring = new BundleRing(keys)
    const key = writeApiKey(credential)
    const first = ring.identify(`Bearer ${key}`)
    const newest = `Bearer ${key}${' '.repeat(99)}`
    // Letters' case and spaces make another header of the same credential.
    for (let n = 1; n <= MAX_CACHED_BUNDLES + 9; n++) {
      const scheme = [...'bearer'].map((c, bit) => ((n >> bit) & 1 ? c.toUpperCase() : c)).join('')
      ring.identify(`${scheme} ${key}${' '.repeat(Math.floor(n / 64))}`)
    }
    const last = ring.identify(newest)
    expect(ring.identify(newest)).toBe(last)
    expect(ring.identify(`Bearer ${key}`)).not.toBe(first)
  })
})
