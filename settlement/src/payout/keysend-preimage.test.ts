import { createHmac } from 'node:crypto'
import { expect, it } from 'vitest'
import { keysendPreimage } from './keysend-preimage.ts'

it('is the HMAC of payout and attempt', () => {
  const key = new Uint8Array(32).fill(1)
  const other = createHmac('sha256', key).update('keysend|p1|2').digest('hex')
  expect(keysendPreimage(key, 'p1', 2)).toBe(other)
  expect(keysendPreimage(key, 'p1', 3)).not.toBe(other)
  expect(keysendPreimage(key, 'p12', 2)).not.toBe(other)
  expect(() => keysendPreimage(key, 'p|1', 2)).toThrow(
    expect.objectContaining({ code: 'bad_derivation' }),
  )
})
