import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  autoCancelHeight,
  GUARDIAN_MARGIN,
  guardianHeight,
  HOLD_EXPIRY_DELTA,
  mustDecide,
  usableBlocks,
} from './guardian-deadline.ts'

describe("the guardian's deadline", () => {
  it('is 12 blocks before LND gives up, which is 18 before the end', () => {
    expect([HOLD_EXPIRY_DELTA, GUARDIAN_MARGIN]).toEqual([18, 12])
    expect(autoCancelHeight(1_000)).toBe(982)
    expect(guardianHeight(1_000)).toBe(970)
    expect([969, 970, 971].map((height) => mustDecide(height, 1_000))).toEqual([false, true, true])
  })

  it('leaves a job what its invoice asked for, less both', () => {
    expect(usableBlocks(144)).toBe(114)
    const blocks = fc.integer({ min: 31, max: 2_016 })
    fc.assert(
      fc.property(blocks, fc.nat({ max: 1_000_000 }), (cltvExpiry, acceptedAt) => {
        const end = acceptedAt + cltvExpiry
        expect(guardianHeight(end)).toBe(acceptedAt + usableBlocks(cltvExpiry))
        expect(mustDecide(acceptedAt, end)).toBe(false)
        expect(guardianHeight(end)).toBeLessThan(autoCancelHeight(end))
      }),
    )
  })

  it('knows no halves of blocks', () => {
    for (const wrong of [-1, 0.5, NaN, Infinity])
      for (const ask of [guardianHeight, usableBlocks, (height: number) => mustDecide(height, 9)])
        expect(() => ask(wrong)).toThrow(expect.objectContaining({ code: 'bad_height' }))
  })
})
