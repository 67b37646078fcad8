import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Position } from '@infernet/schemas/transcript'
import { lpDifferences } from './lp-difference.ts'

const logits = fc.array(fc.double({ min: -8, max: 8, noNaN: true }), {
  minLength: 2,
  maxLength: 40,
})

/** A place whose candidates have these logits, numbered by their order here; the first `listed` are shown. */
function place(values: readonly number[], listed = values.length): Position {
  const logSum = Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0))
  const top = values
    .map((value, id) => ({ id, logprob: value - logSum }))
    .sort((a, b) => b.logprob - a.logprob)
    .slice(0, listed)
  return { id: 0, logprob: (values[0] ?? 0) - logSum, top }
}

/** What cuts have left, with probabilities that add up to 1. */
function kept(position: Position, count: number): Position {
  const top = position.top.slice(0, count)
  const logSum = Math.log(top.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0))
  return { ...position, top: top.map(({ id, logprob }) => ({ id, logprob: logprob - logSum })) }
}

const only = (claimed: Position, scored: Position): number => lpDifferences([claimed], [scored])[0]!

describe('lpDifferences', () => {
  it('is nothing for the same numbers, however the claim was normalised', () => {
    fc.assert(
      fc.property(logits, fc.integer({ min: 2, max: 20 }), (values, count) => {
        const scored = place(values)
        expect(only(kept(scored, count), scored)).toBeCloseTo(0, 9)
      }),
    )
  })

  it('grows with the distance, and does not care for its sign', () => {
    fc.assert(
      fc.property(logits, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, by) => {
        const moved = (change: number) => values.map((value, i) => value + (i % 2 ? change : 0))
        const scored = place(values)
        const far = only(place(moved(by)), scored)
        expect(far).toBeGreaterThan(only(place(moved(by / 2)), scored))
        expect(only(place(moved(-by)), scored)).toBeCloseTo(far, 9)
      }),
    )
  })

  it('is the distance of two, over the root of two', () => {
    const scored = place([0, 0])
    const claimed = {
      ...scored,
      top: scored.top.map((one, i) => ({ ...one, logprob: -1 - i / 5 })),
    }
    expect(only(claimed, scored)).toBeCloseTo(0.2 / Math.SQRT2, 12)
  })

  it('holds against a claim what the verifier finds too unlikely to list', () => {
    const scored = place([3, 2, 1, -9], 3)
    expect(only(place([3, 2, 1, 1]), scored)).toBeCloseTo(0, 9)
    expect(only(place([3, 2, 1, 3]), scored)).toBeGreaterThan(1)
  })

  it('says nothing of one candidate, of none, or of what was not scored', () => {
    const scored = place([1, 2, 3])
    const claims = [kept(scored, 1), { ...scored, top: [] }, scored, scored]
    expect([...lpDifferences(claims, [scored, scored, { ...scored, top: [] }])]).toEqual([
      NaN,
      NaN,
      NaN,
      NaN,
    ])
    expect(lpDifferences([], [scored])).toHaveLength(0)
  })
})
