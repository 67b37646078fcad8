import { describe, expect, it } from 'vitest'
import { murmur3 } from './murmur3.ts'

describe('MurmurHash3', () => {
  /** Computed in Python, with whole numbers of any size; the first two are known everywhere. */
  it.each([
    ['', 0],
    ['test', 0xba6bd213],
    ['Hello, world!!!!', 0xc369516a],
  ])('of %j is what it is', (text, hash) => {
    const bytes = Buffer.from(text)
    const words = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32LE(4 * i))
    expect(murmur3(words)).toBe(hash)
  })
})
