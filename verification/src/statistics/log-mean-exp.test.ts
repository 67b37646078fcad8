import { describe, expect, it } from 'vitest'
import { logMeanExp } from './log-mean-exp.ts'

describe('logMeanExp', () => {
  it('is the log of the mean', () => {
    expect(logMeanExp([Math.log(1), Math.log(3)])).toBeCloseTo(Math.log(2), 12)
  })

  it('neither overflows nor underflows', () => {
    expect(logMeanExp([5000, 5000])).toBe(5000)
    expect(logMeanExp([-5000, -5000])).toBe(-5000)
    expect(logMeanExp([-Infinity, -Infinity])).toBe(-Infinity)
  })
})
