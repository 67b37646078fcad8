import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { philox4x32, type Counter, type Key } from './philox.ts'

const ONES = 0xffff_ffff

/** `philox4x32 10` in Random123's file of known answers. */
const KNOWN: readonly (readonly [Counter, Key, Counter])[] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [ONES, ONES, ONES, ONES],
    [ONES, ONES],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
]

describe('philox4x32', () => {
  it.each(KNOWN)('has the known answer for %j', (counter, key, answer) => {
    expect(philox4x32(counter, key)).toEqual(answer)
  })

  it('multiplies words as whole numbers of any size do', () => {
    const word = fc.integer({ min: 0, max: ONES })
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), fc.tuple(word, word), (counter, key) => {
        expect(philox4x32(counter, key)).toEqual(slowly(counter, key))
      }),
    )
  })
})

function slowly(counter: Counter, key: Key): number[] {
  let [c0, c1, c2, c3] = counter.map(BigInt) as [bigint, bigint, bigint, bigint]
  let [k0, k1] = key.map(BigInt) as [bigint, bigint]
  for (let round = 0; round < 10; round++) {
    const product0 = 0xd2511f53n * c0
    const product1 = 0xcd9e8d57n * c2
    c0 = (product1 >> 32n) ^ c1 ^ k0
    c2 = (product0 >> 32n) ^ c3 ^ k1
    c1 = BigInt.asUintN(32, product1)
    c3 = BigInt.asUintN(32, product0)
    k0 = BigInt.asUintN(32, k0 + 0x9e3779b9n)
    k1 = BigInt.asUintN(32, k1 + 0xbb67ae85n)
  }
  return [c0, c1, c2, c3].map(Number)
}
