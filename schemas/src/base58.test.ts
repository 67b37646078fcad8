import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBase58, encodeBase58 } from './base58.ts'

/** The vectors of the Internet draft draft-msporny-base58, and the edges. */
const VECTORS: [string, string][] = [
  ['', ''],
  ['00', '1'],
  ['0000', '11'],
  ['39', 'z'],
  ['3a', '21'],
  ['0000287fb4cd', '11233QC4'],
  [Buffer.from('Hello World!').toString('hex'), '2NEpo7TZRRrLZSi2U'],
  [
    Buffer.from('The quick brown fox jumps over the lazy dog.').toString('hex'),
    'USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z',
  ],
]

describe('base58', () => {
  it.each(VECTORS)('writes %s as %s', (hex, text) => {
    expect(encodeBase58(Buffer.from(hex, 'hex'))).toBe(text)
    expect(Buffer.from(decodeBase58(text)!).toString('hex')).toBe(hex)
  })

  it('reads what it wrote', () => {
    const bytes = fc
      .tuple(fc.nat(4), fc.uint8Array({ maxLength: 60 }))
      .map(([zeros, rest]) => Uint8Array.from([...new Uint8Array(zeros), ...rest]))
    fc.assert(
      fc.property(bytes, (bytes) => {
        expect(decodeBase58(encodeBase58(bytes))).toEqual(bytes)
      }),
    )
  })

  it.each(['0', 'O', 'I', 'l', ' ', '+', 'é', '𝟙', '\0'])(
    'does not know the character %j',
    (bad) => {
      expect(decodeBase58(bad)).toBeUndefined()
      expect(decodeBase58(`2NEpo7${bad}TZRR`)).toBeUndefined()
    },
  )
})
