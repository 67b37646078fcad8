import { createHmac } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { L402Error } from './l402-error.ts'
import {
  MASTER_KEY_BYTES,
  MasterKeys,
  MAX_MASTER_KEYS,
  parseMasterKeys,
  TOKEN_RANDOM_BYTES,
} from './root-key.ts'

const master = (byte: number): Uint8Array => new Uint8Array(MASTER_KEY_BYTES).fill(byte)
const random = new Uint8Array(TOKEN_RANDOM_BYTES).fill(9)
const withCode = (code: string) => expect.objectContaining({ code }) as unknown as L402Error

describe('MasterKeys', () => {
  it("derives a token's root key by HMAC", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: MASTER_KEY_BYTES, maxLength: MASTER_KEY_BYTES }),
        fc.uint8Array({ minLength: TOKEN_RANDOM_BYTES, maxLength: TOKEN_RANDOM_BYTES }),
        (key, bytes) => {
          const keys = new MasterKeys([key])
          const tokenId = keys.tokenId(bytes)
          const expected = createHmac('sha256', key).update(tokenId).digest('hex')
          expect(Buffer.from(keys.rootKey(tokenId)!).toString('hex')).toBe(expected)
        },
      ),
    )
  })

  it('makes tokens with the newest key and knows those of older ones', () => {
    const before = new MasterKeys([master(1)])
    const old = before.tokenId(random)
    const rotated = new MasterKeys([master(2), master(1)])
    expect(rotated.rootKey(old)).toEqual(before.rootKey(old))
    const fresh = rotated.tokenId(random)
    expect(fresh).not.toEqual(old)
    expect(before.rootKey(fresh)).toBeUndefined()
  })

  it('knows nothing of a key that was dropped', () => {
    const old = new MasterKeys([master(1)]).tokenId(random)
    expect(new MasterKeys([master(2)]).rootKey(old)).toBeUndefined()
  })

  it('has a root key for token ids only', () => {
    const keys = new MasterKeys([master(1)])
    expect(keys.rootKey(keys.tokenId(random).subarray(1))).toBeUndefined()
    expect(keys.rootKey(new Uint8Array())).toBeUndefined()
    expect(() => keys.tokenId(random.subarray(1))).toThrow(withCode('bad_identifier'))
  })

  it.each([
    ['none', []],
    ['too many', Array.from({ length: MAX_MASTER_KEYS + 1 }, (_, index) => master(index))],
    ['one of another length', [master(1), master(2).subarray(1)]],
    ['one twice', [master(1), master(2), master(1)]],
  ])('refuses %s', (_, masters) => {
    expect(() => new MasterKeys(masters)).toThrow(withCode('bad_key'))
  })

  it('has as many as it may', () => {
    const masters = Array.from({ length: MAX_MASTER_KEYS }, (_, index) => master(index))
    const keys = new MasterKeys(masters)
    for (const one of masters)
      expect(keys.rootKey(new MasterKeys([one]).tokenId(random))).toBeDefined()
  })
})

describe('parseMasterKeys', () => {
  it('reads a line of hex for each, newest first', () => {
    const keys = parseMasterKeys(`${'0A'.repeat(32)}\r\n\n  ${'07'.repeat(32)}\n`)
    const same = new MasterKeys([master(10), master(7)])
    expect(keys.tokenId(random)).toEqual(same.tokenId(random))
    const old = new MasterKeys([master(7)]).tokenId(random)
    expect(keys.rootKey(old)).toEqual(same.rootKey(old))
  })

  it.each(['', '\n', '07', 'x'.repeat(64), `${'07'.repeat(32)}\n${'07'.repeat(33)}`])(
    'refuses %j',
    (text) => expect(() => parseMasterKeys(text)).toThrow(withCode('bad_key')),
  )
})
