import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { serializeMacaroon } from '../macaroon/macaroon-binary.ts'
import { mintMacaroon, type Macaroon } from '../macaroon/macaroon.ts'
import {
  MAX_AUTHORIZATION_LENGTH,
  MAX_TOKEN_BYTES,
  readAuthorization,
  writeApiKey,
  writeAuthorization,
} from './authorization.ts'
import { L402Error } from './l402-error.ts'

const rootKey = new Uint8Array(32)
const credentials = fc.record({
  macaroon: fc
    .tuple(
      fc.uint8Array({ maxLength: 100 }),
      fc.array(fc.string({ maxLength: 100 }), { maxLength: 4 }),
    )
    .map(([identifier, caveats]) => mintMacaroon(rootKey, { identifier, caveats })),
  preimage: fc.uint8Array({ minLength: 32, maxLength: 32 }),
})
// In base64 it has slashes and padding.
const macaroon = mintMacaroon(rootKey, { identifier: new Uint8Array(65).fill(255) })
const preimage = new Uint8Array(32).fill(0xab)
const hex = 'ab'.repeat(32)
const base64 = (token: Macaroon) => Buffer.from(serializeMacaroon(token)).toString('base64')
const base64url = (token: Macaroon) => Buffer.from(serializeMacaroon(token)).toString('base64url')
const token = base64(macaroon)
const codeOf = (authorization: string): string => {
  try {
    return readAuthorization(authorization) === undefined ? 'none' : 'ok'
  } catch (error) {
    if (error instanceof L402Error) return error.code
    throw error
  }
}

describe('readAuthorization', () => {
  it('reads what is written, as a header and as an API key', () => {
    fc.assert(
      fc.property(credentials, (credential) => {
        expect(readAuthorization(writeAuthorization(credential))).toEqual(credential)
        expect(readAuthorization(`Bearer ${writeApiKey(credential)}`)).toEqual(credential)
      }),
    )
  })

  it.each([
    ['the specification’s', `L402 ${token}:${hex}`],
    ['the old name', `LSAT ${token}:${hex}`],
    ['any case', `l402 ${token}:${hex.toUpperCase()}`],
    ['both names, as Aperture’s client sends them', `LSAT ${token}:${hex}, L402 ${token}:${hex}`],
    ['spaces around', `L402  ${token}:${hex} `],
    ['an API key', `Bearer l402_${base64url(macaroon)}.${hex}`],
    ['an API key in any case', `bearer l402_${base64url(macaroon)}.${hex}`],
  ])('reads %s', (_, authorization) => {
    expect(readAuthorization(authorization)).toEqual({ macaroon, preimage })
  })

  it.each([
    ['an API key of ours', 'Bearer sk-inf-0123456789abcdef-secret'],
    ['a password', 'Basic bDQwMl8='],
    ['nothing', ''],
    ['a scheme that begins alike', `L4021 ${token}:${hex}`],
    ['a long text of somebody else’s', 'x'.repeat(MAX_AUTHORIZATION_LENGTH + 1)],
  ])('leaves %s to others', (_, authorization) => {
    expect(codeOf(authorization)).toBe('none')
  })

  it.each([
    ['no preimage', `L402 ${token}`],
    ['a short preimage', `L402 ${token}:${hex.slice(1)}`],
    ['a long preimage', `L402 ${token}:${hex}0`],
    ['two macaroons', `L402 ${token},${token}:${hex}`],
    ['two credentials', `L402 ${token}:${hex}, L402 ${token}:${'ac'.repeat(32)}`],
    [
      'a macaroon in another case beside it',
      `L402 ${token}:${hex}, L402 ${token.toLowerCase()}:${hex}`,
    ],
    ['base64url in the header', `L402 ${base64url(macaroon)}:${hex}`],
    ['base64 in the API key', `Bearer l402_${token}.${hex}`],
    ['no padding', `L402 ${token.replaceAll('=', '')}:${hex}`],
    ['bits left over', `L402 ${token.replace(/.(=*)$/, '/$1')}:${hex}`],
    ['something behind', `L402 ${token}:${hex} x`],
    ['what is no macaroon', `L402 AAAA:${hex}`],
  ])('refuses %s', (_, authorization) => {
    expect(codeOf(authorization)).toBe('malformed')
  })

  it('has limits', () => {
    const sized = (length: number): Macaroon => {
      const filled = (filler: number) =>
        mintMacaroon(rootKey, {
          identifier: new Uint8Array(1000),
          caveats: ['x'.repeat(500), 'x'.repeat(filler)],
        })
      return filled(200 + length - serializeMacaroon(filled(200)).length)
    }
    const largest = sized(MAX_TOKEN_BYTES)
    expect(serializeMacaroon(largest)).toHaveLength(MAX_TOKEN_BYTES)
    const credential = { macaroon: largest, preimage }
    const twice = `LSAT ${base64(largest)}:${hex}, L402 ${base64(largest)}:${hex}`
    expect(readAuthorization(twice)).toEqual(credential)
    expect(readAuthorization(`Bearer ${writeApiKey(credential)}`)).toEqual(credential)
    expect(codeOf(`L402 ${base64(sized(MAX_TOKEN_BYTES + 1))}:${hex}`)).toBe('too_long')
    expect(codeOf(`L402 ${'A'.repeat(MAX_AUTHORIZATION_LENGTH)}`)).toBe('too_long')
    const header = `L402 ${token}:${hex}`
    expect(codeOf(header.padEnd(MAX_AUTHORIZATION_LENGTH))).toBe('ok')
    expect(codeOf(header.padEnd(MAX_AUTHORIZATION_LENGTH + 1))).toBe('too_long')
  })

  it('throws L402Error or nothing, whatever it is given', () => {
    const scheme = fc.constantFrom('L402 ', 'LSAT ', 'l402  ', 'Bearer l402_', 'Bearer ', '')
    const part = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.base64String(),
      fc.constant(token),
      fc.uint8Array().map((bytes) => Buffer.from([2, ...bytes]).toString('base64')),
      fc.uint8Array().map((bytes) => Buffer.from([2, ...bytes]).toString('base64url')),
    )
    const separator = fc.constantFrom(':', '.', ',', '', ', L402 ')
    const end = fc.oneof(fc.constant(hex), fc.string())
    fc.assert(
      fc.property(fc.tuple(scheme, part, separator, end), (parts) => codeOf(parts.join('')) !== ''),
      { numRuns: 2_000 },
    )
  })
})
