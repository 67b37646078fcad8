import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { roundToFp8 } from './fp8.ts'

describe('weights of 8-bit floats', () => {
  it('keep the largest, and all others to a sixteenth of themselves', () => {
    const weights = fc.array(fc.float({ min: 1, max: 400, noNaN: true }), { minLength: 1 })
    fc.assert(
      fc.property(weights, (list) => {
        const values = Float32Array.from([448, ...list])
        const rounded = roundToFp8(values)
        expect(rounded[0]).toBe(448)
        rounded.forEach((one, i) => {
          expect(Math.abs(one - values[i]!)).toBeLessThanOrEqual(values[i]! / 16)
        })
      }),
    )
  })

  it('are as coarse as the format, also near 0', () => {
    const values = Float32Array.of(448, 1, 1.06, 1.07, -1.07, 2 ** -9, 2 ** -11, 0)
    expect([...roundToFp8(values)]).toEqual([448, 1, 1, 1.125, -1.125, 2 ** -9, 0, 0])
    expect([...roundToFp8(new Float32Array(2))]).toEqual([0, 0])
  })
})
