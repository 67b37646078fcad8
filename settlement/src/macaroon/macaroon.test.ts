import { utf8ToBytes } from '@noble/hashes/utils.js'
import * as fc from 'fast-check'
// @ts-expect-error It has no types.
import macaroonPackage from 'macaroon'
import { describe, expect, it } from 'vitest'
import { MAX_MACAROON_BYTES, parseMacaroon, serializeMacaroon } from './macaroon-binary.ts'
import { MacaroonError } from './macaroon-error.ts'
import {
  attenuate,
  MAX_CAVEAT_BYTES,
  MAX_CAVEATS,
  MAX_IDENTIFIER_BYTES,
  mintMacaroon,
  verifyMacaroon,
} from './macaroon.ts'

/** What is used of js-macaroon, which has no types: the implementation of reference. */
interface Reference {
  newMacaroon(options: object): ReferenceMacaroon
  importMacaroon(bytes: Uint8Array): ReferenceMacaroon
}
interface ReferenceMacaroon {
  addFirstPartyCaveat(caveat: string): void
  addThirdPartyCaveat(rootKey: Uint8Array, caveat: string, location: string): void
  exportBinary(): Uint8Array
  verify(rootKey: Uint8Array, check: (caveat: string) => string | null): void
}
const reference = macaroonPackage as unknown as Reference

const codeOf = (action: () => unknown): string => {
  try {
    action()
  } catch (error) {
    if (error instanceof MacaroonError) return error.code
    throw error
  }
  return 'ok'
}
const rootKey = utf8ToBytes('a root key')
const macaroon = mintMacaroon(rootKey, {
  identifier: utf8ToBytes('id'),
  caveats: ['services=infer:0', 'model=infernet-demo'],
  location: 'infernet',
})
const bytes = serializeMacaroon(macaroon)

const contents = fc.record({
  rootKey: fc.uint8Array({ minLength: 1, maxLength: 100 }),
  identifier: fc.uint8Array({ minLength: 1, maxLength: 300 }),
  caveats: fc.array(fc.string({ minLength: 1, maxLength: 200, unit: 'grapheme' }), {
    maxLength: 5,
  }),
  location: fc.option(fc.string({ minLength: 1, maxLength: 60 }), { nil: undefined }),
})

describe('a macaroon', () => {
  it("is byte for byte js-macaroon's", () => {
    fc.assert(
      fc.property(contents, ({ rootKey: key, identifier, caveats, location }) => {
        // js-macaroon doubles its buffer at every append, so it can write few caveats but read many.
        const [caveat = 'x'] = caveats
        const where = location === undefined ? {} : { location }
        const theirs = reference.newMacaroon({ version: 2, rootKey: key, identifier, location })
        theirs.addFirstPartyCaveat(caveat)
        const ours = mintMacaroon(key, { identifier, caveats: [caveat], ...where })
        expect(serializeMacaroon(ours)).toEqual(Uint8Array.from(theirs.exportBinary()))
        expect(parseMacaroon(theirs.exportBinary())).toEqual(ours)
        const longer = serializeMacaroon(mintMacaroon(key, { identifier, caveats, ...where }))
        reference.importMacaroon(longer).verify(key, () => null)
      }),
      { numRuns: 8 },
    )
  })

  it('is verified by its root key and caveats', () => {
    const parsed = parseMacaroon(bytes)
    expect(verifyMacaroon(parsed, rootKey, () => true)).toBe(true)
    expect(verifyMacaroon(parsed, utf8ToBytes('another'), () => true)).toBe(false)
    expect(verifyMacaroon(parsed, rootKey, (caveat) => caveat.startsWith('model='))).toBe(false)
  })

  it('can be narrowed but not widened', () => {
    const narrow = attenuate(macaroon, 'expires=1')
    expect(verifyMacaroon(narrow, rootKey, () => true)).toBe(true)
    expect(verifyMacaroon(narrow, rootKey, (caveat) => caveat !== 'expires=1')).toBe(false)
    const widened = { ...narrow, caveats: macaroon.caveats }
    expect(verifyMacaroon(widened, rootKey, () => true)).toBe(false)
    const altered = { ...macaroon, caveats: ['services=infer:0', 'model=other'] }
    expect(verifyMacaroon(altered, rootKey, () => true)).toBe(false)
    const short = { ...macaroon, signature: macaroon.signature.subarray(1) }
    expect(verifyMacaroon(short, rootKey, () => true)).toBe(false)
  })

  it('has limits', () => {
    const identifier = new Uint8Array(MAX_IDENTIFIER_BYTES)
    const caveats = Array.from({ length: MAX_CAVEATS }, () => 'x')
    const full = mintMacaroon(rootKey, { identifier, caveats })
    expect(parseMacaroon(serializeMacaroon(full))).toEqual(full)
    expect(codeOf(() => attenuate(full, 'x'))).toBe('too_long')
    expect(codeOf(() => attenuate(macaroon, 'x'.repeat(MAX_CAVEAT_BYTES + 1)))).toBe('too_long')
    const long = { identifier: new Uint8Array(MAX_IDENTIFIER_BYTES + 1) }
    expect(codeOf(() => mintMacaroon(rootKey, long))).toBe('too_long')
    const heavy = { identifier, caveats: caveats.map(() => 'x'.repeat(MAX_CAVEAT_BYTES)) }
    expect(codeOf(() => serializeMacaroon(mintMacaroon(rootKey, heavy)))).toBe('too_long')
    expect(codeOf(() => parseMacaroon(new Uint8Array(MAX_MACAROON_BYTES + 1)))).toBe('too_long')
  })
})

describe('parseMacaroon', () => {
  it('refuses third-party caveats', () => {
    const theirs = reference.newMacaroon({ version: 2, rootKey, identifier: utf8ToBytes('id') })
    theirs.addThirdPartyCaveat(rootKey, 'ask them', 'elsewhere')
    expect(codeOf(() => parseMacaroon(theirs.exportBinary()))).toBe('third_party')
  })

  it('refuses every shortened and lengthened macaroon', () => {
    for (let length = 0; length < bytes.length; length++)
      expect(codeOf(() => parseMacaroon(bytes.subarray(0, length)))).not.toBe('ok')
    expect(codeOf(() => parseMacaroon(Uint8Array.of(...bytes, 0)))).toBe('malformed')
  })

  it('throws MacaroonError or nothing, whatever it is given', () => {
    const flipped = fc
      .tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }))
      .map(([at, mask]) => bytes.with(at, (bytes[at] ?? 0) ^ mask))
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array(), flipped),
        (some) => codeOf(() => parseMacaroon(some)) !== '',
      ),
    )
  })
})
