import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromFloat16, toFloat16 } from './float16.ts'

describe('half precision', () => {
  it('gives every one of its 65 536 patterns back', () => {
    for (let bits = 0; bits < 65_536; bits++) {
      const value = fromFloat16(bits)
      if (Number.isNaN(value)) expect(fromFloat16(toFloat16(value))).toBeNaN()
      else expect(toFloat16(value)).toBe(bits)
    }
  })

  it('rounds to the nearer neighbour, ties to even', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0x7bfe }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (low, at) => {
          const [below, above] = [fromFloat16(low), fromFloat16(low + 1)]
          const value = Math.fround(below + at * (above - below))
          const middle = (below + above) / 2
          const even = low % 2 === 0 ? low : low + 1
          const nearer = value < middle ? low : value > middle ? low + 1 : even
          expect(toFloat16(value)).toBe(nearer)
        },
      ),
    )
  })

  it('overflows to infinity and underflows to zero', () => {
    expect(toFloat16(65_520)).toBe(0x7c00)
    expect(toFloat16(-1e30)).toBe(0xfc00)
    expect(toFloat16(1e-9)).toBe(0)
    expect(toFloat16(Number.NEGATIVE_INFINITY)).toBe(0xfc00)
  })
})
