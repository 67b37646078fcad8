import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { msat } from '@infernet/schemas/money'
import * as fc from 'fast-check'
// @ts-expect-error It has no types.
import macaroonPackage from 'macaroon'
import { describe, expect, it } from 'vitest'
import { parseMacaroon, serializeMacaroon } from '../macaroon/macaroon-binary.ts'
import { attenuate, MAX_CAVEATS, mintMacaroon, type Macaroon } from '../macaroon/macaroon.ts'
import { MAX_LIST_ITEMS, type RequestFacts } from './caveats.ts'
import {
  MAX_TOKEN_LIFETIME_S,
  mintToken,
  verifyCredential,
  type Credential,
  type TokenLimits,
} from './credential.ts'
import type { L402Error } from './l402-error.ts'
import { MasterKeys } from './root-key.ts'
import { writeTokenIdentifier } from './token-identifier.ts'

/** What is used of js-macaroon, which has no types: the implementation of reference. */
interface Reference {
  newMacaroon(options: object): ReferenceMacaroon
  importMacaroon(bytes: Uint8Array): ReferenceMacaroon
}
interface ReferenceMacaroon {
  addFirstPartyCaveat(caveat: string): void
  readonly signature: Uint8Array
  verify(rootKey: Uint8Array, check: (caveat: string) => string | null): void
}
const reference = macaroonPackage as unknown as Reference

const NOW = 1_800_000_000_000
const masters = [new Uint8Array(32).fill(7), new Uint8Array(32).fill(8)]
const keys = new MasterKeys(masters)
const preimage = new Uint8Array(32).fill(1)
const paymentHash = sha256(preimage)
const random = new Uint8Array(28).fill(2)
const limits: TokenLimits = {
  capabilities: ['chat'],
  validUntil: NOW / 1000 + 3600,
  model: 'infernet-demo',
  budgetMsat: msat(500_000),
}
const facts: RequestFacts = { endpoint: 'chat.completions', model: 'infernet-demo' }
const macaroon = mintToken(keys, { paymentHash, random, limits }, NOW)

const verdictOf = (credential: Partial<Credential>, asked = facts, now = NOW) =>
  verifyCredential(keys, { macaroon, preimage, ...credential }, asked, now)
const outcome = (...args: Parameters<typeof verdictOf>): string => {
  const verdict = verdictOf(...args)
  return verdict.ok ? 'good' : verdict.reason
}
const mintError = (token: Partial<Parameters<typeof mintToken>[1]>): unknown => {
  try {
    mintToken(keys, { paymentHash, random, limits, ...token }, NOW)
  } catch (error) {
    return (error as L402Error).code
  }
  return 'ok'
}
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })

describe('a minted token', () => {
  it("is js-macaroon's, signed and read", () => {
    const tokenId = keys.tokenId(random)
    const rootKey = keys.rootKey(tokenId)!
    const theirs = reference.newMacaroon({
      version: 2,
      rootKey,
      identifier: writeTokenIdentifier({ paymentHash, tokenId }),
    })
    for (const caveat of macaroon.caveats) theirs.addFirstPartyCaveat(caveat)
    expect(macaroon.signature).toEqual(Uint8Array.from(theirs.signature))
    reference.importMacaroon(serializeMacaroon(macaroon)).verify(rootKey, () => null)
  })

  it('is good for whoever has the preimage, and says its limits', () => {
    expect(verdictOf({})).toEqual({
      ok: true,
      paymentHash: bytesToHex(paymentHash),
      tokenId: bytesToHex(keys.tokenId(random)),
      limits: { ...limits, services: ['infer:0'] },
      whole: false,
    })
  })

  it('knows a token that nobody has narrowed', () => {
    const { validUntil } = limits
    const plain = mintToken(keys, { paymentHash, random, limits: { validUntil } }, NOW)
    expect(verdictOf({ macaroon: plain })).toMatchObject({ ok: true, whole: true })
    for (const caveat of [
      `infer_valid_until=${validUntil}`,
      'another=application',
      'infer_model=x',
    ]) {
      const narrowed = attenuate(plain, caveat)
      const facts = { endpoint: undefined, model: undefined }
      expect(verdictOf({ macaroon: narrowed }, facts)).toMatchObject({ ok: true, whole: false })
    }
  })

  it('can be narrowed by its holder, and what that leaves is said', () => {
    const narrowed = attenuate(attenuate(macaroon, 'infer_budget_msat=1000'), 'color=red')
    const verdict = verdictOf({ macaroon: narrowed })
    expect(verdict.ok && verdict.limits.budgetMsat).toBe(1000)
    expect(outcome({ macaroon: attenuate(macaroon, 'infer_model=another') })).toBe('widened_caveat')
    expect(outcome({ macaroon: attenuate(macaroon, 'infer_color=red') })).toBe('unknown_caveat')
    expect(outcome({ macaroon: attenuate(macaroon, 'services=other:0') })).toBe('widened_caveat')
  })

  it('has limits that are well-formed and bounded', () => {
    const last = NOW / 1000 + MAX_TOKEN_LIFETIME_S
    expect(mintError({ limits: { validUntil: last } })).toBe('ok')
    expect(mintError({ limits: { validUntil: last + 1 } })).toBe('bad_limits')
    expect(mintError({ limits: { validUntil: NaN } })).toBe('bad_limits')
    expect(mintError({ limits: { validUntil: 1.5 } })).toBe('bad_limits')
    expect(mintError({ limits: { ...limits, model: 'a model' } })).toBe('bad_limits')
    expect(mintError({ limits: { ...limits, capabilities: [] } })).toBe('bad_limits')
    expect(mintError({ random: random.subarray(1) })).toBe('bad_identifier')
    expect(mintError({ paymentHash: paymentHash.subarray(1) })).toBe('bad_identifier')
  })

  it('fits its caveats even when they are the longest', () => {
    const capabilities = Array.from({ length: MAX_LIST_ITEMS }, () => 'x'.repeat(24))
    const model = 'x'.repeat(128)
    expect(mintError({ limits: { ...limits, capabilities, model } })).toBe('ok')
  })
})

describe('verifyCredential', () => {
  it('refuses every other preimage', () => {
    fc.assert(
      fc.property(bytes32, (other) => {
        fc.pre(bytesToHex(other) !== bytesToHex(preimage))
        expect(outcome({ preimage: other })).toBe('bad_preimage')
      }),
    )
    expect(outcome({ preimage: preimage.subarray(1) })).toBe('bad_preimage')
    expect(outcome({ preimage: new Uint8Array() })).toBe('bad_preimage')
  })

  it('refuses what another key has signed', () => {
    const strangers = new MasterKeys([new Uint8Array(32).fill(9)])
    const theirs = mintToken(strangers, { paymentHash, random, limits }, NOW)
    expect(outcome({ macaroon: theirs })).toBe('unknown_key')
    const tokenId = keys.tokenId(random)
    const forged = mintMacaroon(strangers.rootKey(strangers.tokenId(random))!, {
      identifier: writeTokenIdentifier({ paymentHash, tokenId }),
      caveats: macaroon.caveats,
    })
    expect(outcome({ macaroon: forged })).toBe('bad_signature')
  })

  it('refuses a token of another invoice, of another version and of nobody', () => {
    const identifier = macaroon.identifier
    const altered = identifier.with(2, (identifier[2] ?? 0) ^ 1)
    expect(outcome({ macaroon: { ...macaroon, identifier: altered } })).toBe('bad_signature')
    expect(outcome({ macaroon: { ...macaroon, identifier: identifier.with(1, 1) } })).toBe(
      'bad_identifier',
    )
    const lnds = mintMacaroon(new Uint8Array(32), { identifier: new Uint8Array(80) })
    expect(outcome({ macaroon: lnds })).toBe('bad_identifier')
  })

  it('refuses a request beyond the limits', () => {
    expect(outcome({}, { ...facts, model: 'another' })).toBe('model_not_allowed')
    expect(outcome({}, { ...facts, endpoint: 'embeddings' })).toBe('capability_not_allowed')
    expect(outcome({}, facts, limits.validUntil * 1000 - 1)).toBe('good')
    expect(outcome({}, facts, limits.validUntil * 1000)).toBe('expired')
  })

  it('knows tokens across a rotation, until their key is dropped', () => {
    const fresh = new Uint8Array(32).fill(10)
    const credential = { macaroon, preimage }
    const rotated = new MasterKeys([fresh, ...masters])
    expect(verifyCredential(rotated, credential, facts, NOW).ok).toBe(true)
    const later = mintToken(rotated, { paymentHash, random, limits }, NOW)
    expect(verifyCredential(rotated, { macaroon: later, preimage }, facts, NOW).ok).toBe(true)
    expect(verifyCredential(new MasterKeys([fresh]), credential, facts, NOW)).toEqual({
      ok: false,
      reason: 'unknown_key',
    })
  })

  it('refuses a token with any bit changed', () => {
    const bytes = serializeMacaroon(macaroon)
    const changes = fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }))
    fc.assert(
      fc.property(changes, ([at, mask]) => {
        let changed: Macaroon
        try {
          changed = parseMacaroon(bytes.with(at, (bytes[at] ?? 0) ^ mask))
        } catch {
          return
        }
        expect(outcome({ macaroon: changed })).not.toBe('good')
      }),
      { numRuns: 500 },
    )
  })

  it('takes as many caveats as a macaroon may have', () => {
    let full = macaroon
    while (full.caveats.length < MAX_CAVEATS) full = attenuate(full, 'infer_budget_msat=1')
    expect(outcome({ macaroon: full })).toBe('good')
  })
})
