import { describe, expect, it } from 'vitest'
import { verdictOf, type Verdict } from './verdict.ts'

describe('verdictOf', () => {
  it.each<[e: number, tokens: number, inconclusive: number, Verdict]>([
    [1, 100, 0, 'pass'],
    [9_999, 100, 50, 'pass'],
    [10_001, 100, 0, 'fail'],
    [10_001, 100, 99, 'fail'],
    [1, 100, 51, 'inconclusive'],
    [1, 8, 0, 'pass'],
    [1, 7, 0, 'inconclusive'],
    [1, 0, 0, 'inconclusive'],
  ])('of e = %d over %d tokens, %d inconclusive, is %s', (e, tokens, inconclusive, verdict) => {
    const evidence = { logE: Math.log(e), tokens, inconclusive, mismatches: 0 }
    expect(verdictOf(evidence)).toBe(verdict)
  })
})
