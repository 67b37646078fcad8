import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { L402Error } from './l402-error.ts'
import {
  PAYMENT_HASH_BYTES,
  readTokenIdentifier,
  TOKEN_ID_BYTES,
  TOKEN_IDENTIFIER_BYTES,
  writeTokenIdentifier,
} from './token-identifier.ts'

const identifiers = fc.record({
  paymentHash: fc.uint8Array({ minLength: PAYMENT_HASH_BYTES, maxLength: PAYMENT_HASH_BYTES }),
  tokenId: fc.uint8Array({ minLength: TOKEN_ID_BYTES, maxLength: TOKEN_ID_BYTES }),
})
const badIdentifier = expect.objectContaining({ code: 'bad_identifier' }) as unknown as L402Error

describe('a token identifier', () => {
  it('is version, payment hash and token id', () => {
    const paymentHash = new Uint8Array(PAYMENT_HASH_BYTES).fill(1)
    const tokenId = new Uint8Array(TOKEN_ID_BYTES).fill(2)
    const bytes = writeTokenIdentifier({ paymentHash, tokenId })
    expect(Buffer.from(bytes).toString('hex')).toBe(
      `0000${'01'.repeat(PAYMENT_HASH_BYTES)}${'02'.repeat(TOKEN_ID_BYTES)}`,
    )
  })

  it('is read as it was written', () => {
    fc.assert(
      fc.property(identifiers, (identifier) => {
        const bytes = writeTokenIdentifier(identifier)
        expect(bytes).toHaveLength(TOKEN_IDENTIFIER_BYTES)
        expect(readTokenIdentifier(bytes)).toEqual(identifier)
      }),
    )
  })

  it('has no other length and no other version', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        if (bytes.length === TOKEN_IDENTIFIER_BYTES && bytes[0] === 0 && bytes[1] === 0) return
        expect(() => readTokenIdentifier(bytes)).toThrow(badIdentifier)
      }),
    )
    const nextVersion = new Uint8Array(TOKEN_IDENTIFIER_BYTES).with(1, 1)
    expect(() => readTokenIdentifier(nextVersion)).toThrow(badIdentifier)
  })

  it('is not written of parts of another length', () => {
    const right = new Uint8Array(32)
    const wrong = new Uint8Array(31)
    expect(() => writeTokenIdentifier({ paymentHash: wrong, tokenId: right })).toThrow(
      badIdentifier,
    )
    expect(() => writeTokenIdentifier({ paymentHash: right, tokenId: wrong })).toThrow(
      badIdentifier,
    )
  })
})
