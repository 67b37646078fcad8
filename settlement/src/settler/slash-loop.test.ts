import { describe, expect, it } from 'vitest'
import { slashLoop } from './slash-loop.ts'

const SLASH = { id: 'slash_1', provider: 'P', refundedMsat: 5n, forfeitedMsat: 7n }
const PAID = { lease: 'job_1.1', provider: 'Q', msat: 9n }

describe('the loop of slashes', () => {
  it.each([
    ['a final and a lifted one', SLASH, PAID, true],
    ['a final one', SLASH, undefined, true],
    ['a lifted one', undefined, PAID, true],
    ['none', undefined, undefined, false],
  ])('that finds %s tells, and looks again while there is any', async (_, slash, paid, more) => {
    const told: unknown[] = []
    const loop = slashLoop({
      carryOutSlash: async () => slash,
      payLiftedSlash: async () => paid,
      onCarriedOut: (one) => told.push(one),
      onLiftedPaid: (one) => told.push(one),
    })
    expect(await loop.page(new AbortController().signal)).toBe(more)
    expect(told).toEqual([slash, paid].filter((one) => one !== undefined))
  })
})
