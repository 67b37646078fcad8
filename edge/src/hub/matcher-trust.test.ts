import { reputationWeight } from '@infernet/verification/reputation/reputation-weight'
import { describe, expect, it } from 'vitest'
import { candidate, choose, chosenPeer } from '../testing/candidates.ts'
import type { Candidate } from './candidate.ts'

const TRIES = 4000
const CHEAP = { price: { prompt: 0, completion: 0 } }

const trusted = candidate('trusted', {
  trust: reputationWeight({ passed: 200, failed: 0, unopened: 0 }),
})
const newcomer = candidate('newcomer', {
  trust: reputationWeight({ passed: 0, failed: 0, unopened: 0 }),
})
const caught = candidate('caught', {
  trust: reputationWeight({ passed: 200, failed: 40, unopened: 0 }),
})

/** A generator of numbers in [0, 1) that always begins the same (Marsaglia's xorshift). */
function seeded(state = 2_463_534_242): () => number {
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

/** The share of many jobs that goes to peers whose names begin with this. */
function shareOf(name: string, candidates: readonly Candidate[]): number {
  const random = seeded()
  let given = 0
  for (let i = 0; i < TRIES; i++) {
    if (chosenPeer(choose(candidates, {}, { random }))?.startsWith(name) === true) given++
  }
  return given / TRIES
}

describe('trust', () => {
  it('gives newcomers some jobs, and not more', () => {
    const share = shareOf('newcomer', [trusted, newcomer])
    expect(share).toBeGreaterThan(0.01)
    expect(share).toBeLessThan(0.05)
  })

  it('keeps jobs from who was found out, also by a better price', () => {
    const share = shareOf('caught', [trusted, { ...caught, ...CHEAP }])
    expect(share).toBeGreaterThan(0)
    expect(share).toBeLessThan(0.06)
  })

  it('outweighs load until no slot is left', () => {
    expect(shareOf('trusted', [{ ...trusted, inFlight: 3 }, newcomer])).toBeGreaterThan(0.9)
    expect(shareOf('newcomer', [{ ...trusted, inFlight: 4 }, newcomer])).toBe(1)
  })

  it('is not drowned by numbers', () => {
    const crowd = Array.from({ length: 12 }, (_, i) => ({ ...newcomer, peer: `newcomer-${i}` }))
    expect(shareOf('trusted', [trusted, ...crowd])).toBeGreaterThan(0.9)
    const others = [trusted, { ...trusted, peer: 'trusted-2' }]
    const share = shareOf('newcomer', [...others, newcomer])
    expect(share).toBeGreaterThan(0.005)
    expect(share).toBeLessThan(0.05)
  })

  it('says nothing among equals', () => {
    const one = { ...newcomer, peer: 'one' }
    expect(shareOf('one', [one, newcomer])).toBeGreaterThan(0.4)
    expect(shareOf('one', [one, { ...newcomer, inFlight: 1 }])).toBe(1)
  })
})
