import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seeded } from '../canary/testing/seeded.ts'
import {
  challengeResult,
  nextPairEvidence,
  NO_PAIR_EVIDENCE,
  slowedIn,
  type ChallengeResult,
} from './pair-evidence.ts'
import { roundOrder, type Round } from './round-order.ts'

/** Blocks of which each challenge has as many as it needs, up to this. */
const BLOCKS = 40
/** How fast a machine would be at each time, asked alone. */
type Profile = readonly [number, number, number]

/** What the three rounds of a block show of two providers that were asked in that order. */
function slowedOf(order: readonly Round[], one: Profile, other: Profile, isShared = false) {
  const at = (round: Round): number => order.indexOf(round)
  const together = isShared ? 1 / 2 : 1
  const paces = (profile: Profile, alone: Round) => ({
    alone: profile[at(alone)] ?? 0,
    together: (profile[at('together')] ?? 0) * together,
    streams: 4,
  })
  return slowedIn(paces(one, 'first'), paces(other, 'second'))
}

/** Blocks until the result is clear, or all of them. `speeds` are the profiles of one block. */
function challenged(
  random: () => number,
  speeds: () => readonly [Profile, Profile],
  isShared: boolean,
): { readonly result: ChallengeResult; readonly blocks: number } {
  let evidence = NO_PAIR_EVIDENCE
  while (evidence.blocks < BLOCKS && challengeResult(evidence) === 'unclear') {
    const [one, other] = speeds()
    evidence = nextPairEvidence(evidence, slowedOf(roundOrder(random()), one, other, isShared))
  }
  return { result: challengeResult(evidence), blocks: evidence.blocks }
}

const isAccusation = (result: ChallengeResult): boolean =>
  result !== 'apart' && result !== 'unclear'

const pace = fc.double({ min: 0, max: 1_000, noNaN: true })
const profile = fc.tuple(pace, pace, pace)
const allOrders = [0, 1, 2, 3, 4, 5].map((n) => roundOrder((n + 0.5) / 6))

describe('a block', () => {
  it.each([
    { together: [50, 50], slowed: [true, true] },
    { together: [100, 95], slowed: [false, false] },
    { together: [80, 75], slowed: [false, false] },
    { together: [100, 40], slowed: [false, true] },
    { together: [0, 100], slowed: [true, false] },
  ])('shows that of 100 each become $together', ({ together: [one = 0, other = 0], slowed }) => {
    const paces = (together: number) => ({ alone: 100, together, streams: 2 })
    expect(slowedIn(paces(one), paces(other))).toEqual(slowed)
  })

  it('expects of each the part of the requests that it was given', () => {
    const small = { alone: 100, together: 25, streams: 4 }
    const large = (together: number) => ({ alone: 100, together, streams: 12 })
    expect(slowedIn(small, large(75))).toEqual([true, true])
    expect(slowedIn(small, large(90))).toEqual([true, false])
  })

  it('says nothing against who delivers nothing alone either', () => {
    const dead = { alone: 0, together: 0, streams: 1 }
    expect(slowedIn(dead, dead)).toEqual([false, false])
  })

  it('slows one in three of six orders at most, both in two, whatever two machines do', () => {
    const worst = { one: 0, both: 0 }
    fc.assert(
      fc.property(profile, profile, (one, other) => {
        const blocks = allOrders.map((order) => slowedOf(order, one, other))
        worst.one = Math.max(worst.one, blocks.filter(([first]) => first).length)
        worst.both = Math.max(worst.both, blocks.filter(([a, b]) => a && b).length)
      }),
      { numRuns: 2_000 },
    )
    expect(worst).toEqual({ one: 3, both: 2 })
  })

  it('slows neither in two of six at most, whatever one machine does for both', () => {
    const positive = (speeds: Profile) => speeds.map((speed) => speed + 1) as unknown as Profile
    let worst = 0
    fc.assert(
      fc.property(profile, profile, (one, other) => {
        const blocks = allOrders.map((order) =>
          slowedOf(order, positive(one), positive(other), true),
        )
        worst = Math.max(worst, blocks.filter(([a, b]) => !a && !b).length)
      }),
      { numRuns: 2_000 },
    )
    expect(worst).toBe(2)
  })
})

describe('evidence', () => {
  /** Speeds that vary by a factor of e^σ, drift together, and fall for seconds where clients ask much. */
  function noisy(random: () => number, sigma: number): () => readonly [Profile, Profile] {
    const normal = (): number =>
      Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    return () => {
      const common = [normal(), normal(), normal()]
      const profileOf = (): Profile => {
        const busy = random() < 0.2 ? 0.4 : 1
        const at = (time: number): number =>
          100 *
          Math.exp((sigma * (normal() + (common[time] ?? 0))) / 2) *
          (random() < 0.1 ? busy : 1)
        return [at(0), at(1), at(2)]
      }
      return [profileOf(), profileOf()]
    }
  }
  const rate = (pairs: number, sigma: number, isShared: boolean) => {
    const random = seeded(42)
    const speeds = noisy(random, sigma)
    const found = Array.from({ length: pairs }, () => challenged(random, speeds, isShared))
    const share = (of: (result: ChallengeResult) => boolean) =>
      found.filter(({ result }) => of(result)).length / pairs
    const blocks = found.map((one) => one.blocks).toSorted((a, b) => a - b)
    return {
      accused: share(isAccusation),
      apart: share((result) => result === 'apart'),
      median: blocks[Math.floor(pairs / 2)],
    }
  }

  it.each([
    { sigma: 0.05, least: 0.99, blocks: 5 },
    { sigma: 0.15, least: 0.99, blocks: 6 },
    { sigma: 0.3, least: 0.9, blocks: 12 },
  ])('of two machines with noise of $sigma is found apart', ({ sigma, least, blocks }) => {
    const { accused, apart, median } = rate(2_000, sigma, false)
    expect(accused).toBe(0)
    expect(apart).toBeGreaterThan(least)
    expect(median).toBeLessThanOrEqual(blocks)
  })

  it.each([
    { sigma: 0.05, least: 0.99, blocks: 8 },
    { sigma: 0.15, least: 0.99, blocks: 8 },
    { sigma: 0.3, least: 0.85, blocks: 16 },
  ])('of one machine with noise of $sigma is found', ({ sigma, least, blocks }) => {
    const { accused, apart, median } = rate(1_000, sigma, true)
    expect(accused).toBeGreaterThan(least)
    expect(apart).toBeLessThan(0.02)
    expect(median).toBeLessThanOrEqual(blocks)
  })

  it('accuses at most three pairs of machines in a thousand that are as unlucky as can be', () => {
    const random = seeded(7)
    // Both at their worst at a time that changes: of all profiles those with the most false alarms.
    const worst = (): readonly [Profile, Profile] => {
      const slow = Math.floor(random() * 3)
      const one = [0, 1, 2].map((time) => (time === slow ? 1 : 100)) as unknown as Profile
      return [one, one]
    }
    const pairs = 20_000
    let accused = 0
    for (let i = 0; i < pairs; i++)
      if (isAccusation(challenged(random, worst, false).result)) accused++
    expect(accused).toBeGreaterThan(0)
    expect(accused).toBeLessThan(3 * (pairs / 1_000))
  })

  it('finds who gives way to the other, and harms nobody else', () => {
    let evidence = NO_PAIR_EVIDENCE
    while (challengeResult(evidence) === 'unclear') {
      expect(evidence.blocks).toBeLessThan(BLOCKS)
      const honest = { alone: 100, together: 100, streams: 4 }
      evidence = nextPairEvidence(evidence, slowedIn(honest, { ...honest, together: 1 }))
    }
    expect(challengeResult(evidence)).toBe('second_yields')
    expect(evidence.logShared).toBeLessThan(0)
  })
})
