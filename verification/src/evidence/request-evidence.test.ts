import { describe, expect, it } from 'vitest'
import { calibrate, UNMEASURED } from './calibration.ts'
import { requestEvidence, tokensToDetection } from './request-evidence.ts'
import { tailEvidence } from './tail-bets.ts'
import {
  manyScores,
  randomOf,
  scoresOf,
  HONEST,
  type Behaviour,
} from './testing/synthetic-scores.ts'

const ALPHA = 1e-4
const CALIBRATION = calibrate(manyScores(randomOf(1), 200, 100))

describe('requestEvidence', () => {
  const scores = scoresOf(randomOf(2), 50, { noise: 2 })
  const byExcess = tailEvidence(scores.excess, CALIBRATION.excess)
  const byLogprobs = tailEvidence(scores.lpDifference, CALIBRATION.lpDifference)

  it('is the mean of both statistics, or the one there is', () => {
    const { excess, lpDifference } = scores
    const logE = (Math.exp(byExcess) + Math.exp(byLogprobs)) / 2
    expect(requestEvidence(scores, CALIBRATION).logE).toBeCloseTo(Math.log(logE), 9)
    expect(requestEvidence({ excess }, CALIBRATION).logE).toBeCloseTo(byExcess, 9)
    expect(requestEvidence({ lpDifference }, CALIBRATION).logE).toBeCloseTo(byLogprobs, 9)
  })

  it('leaves all to the other where the calibration knows nothing', () => {
    const { logE } = requestEvidence(scores, UNMEASURED)
    expect(logE).toBeCloseTo(tailEvidence(scores.excess, UNMEASURED.excess), 9)
  })

  it('counts what it saw', () => {
    const evidence = requestEvidence(
      { excess: [0, 1, NaN, 0.1], lpDifference: [NaN, NaN, 0, 0] },
      CALIBRATION,
    )
    expect(evidence).toMatchObject({ tokens: 4, inconclusive: 1, mismatches: 2 })
    const forged = requestEvidence({ excess: [NaN, NaN], lpDifference: [0, 0] }, CALIBRATION)
    expect(forged).toMatchObject({ tokens: 2, inconclusive: 2 })
    const numbers = requestEvidence({ lpDifference: [0, NaN, 0] }, CALIBRATION)
    expect(numbers).toMatchObject({ tokens: 3, inconclusive: 1 })
  })

  it('is 1 for an empty answer, and says nothing of one that nobody can judge', () => {
    const nothing = { tokens: 0, inconclusive: 0, mismatches: 0 }
    expect(requestEvidence({}, CALIBRATION)).toEqual({ logE: 0, ...nothing })
    expect(requestEvidence({ excess: [], lpDifference: [] }, CALIBRATION).logE).toBeCloseTo(0, 12)
    const unknown = requestEvidence({ lpDifference: [9, 9] }, UNMEASURED)
    expect(unknown).toEqual({ logE: 0, tokens: 2, inconclusive: 2, mismatches: 0 })
  })
})

describe('tokensToDetection', () => {
  it('is the first prefix whose evidence suffices', () => {
    const scores = scoresOf(randomOf(3), 60, { noise: 6 })
    const needed = tokensToDetection(scores, CALIBRATION, ALPHA) ?? 0
    const logE = (tokens: number): number =>
      requestEvidence(
        {
          excess: scores.excess.slice(0, tokens),
          lpDifference: scores.lpDifference.slice(0, tokens),
        },
        CALIBRATION,
      ).logE
    expect(logE(needed)).toBeGreaterThanOrEqual(Math.log(1e4))
    expect(logE(needed - 1)).toBeLessThan(Math.log(1e4))
  })

  it('does not come for honest answers', () => {
    const random = randomOf(4)
    for (let request = 0; request < 200; request++) {
      const scores = scoresOf(random, 200, HONEST)
      expect(tokensToDetection(scores, CALIBRATION, ALPHA)).toBeUndefined()
    }
  })

  // The prototype's figures: nine of ten answers within so many tokens.
  it.each<[string, Behaviour, number]>([
    ['q4_0', { noise: 6 }, 8],
    ['fp8', { noise: 2.1 }, 36],
    ['q8_0', { noise: 1.25 }, 322],
    ['q4_0 with forged logprobs', { noise: 6, forged: true }, 236],
    ['another seed', { noise: 1, otherSeed: true }, 9],
  ])('finds %s', (_, behaviour, goal) => {
    const random = randomOf(5)
    const needed = Array.from({ length: 60 }, () =>
      tokensToDetection(scoresOf(random, 2 * goal, behaviour), CALIBRATION, ALPHA),
    )
    const inTime = needed.filter((tokens) => tokens !== undefined && tokens <= goal)
    expect(inTime.length).toBeGreaterThanOrEqual(54)
  })

  it('finds another seed before anyone has measured the class', () => {
    const scores = scoresOf(randomOf(6), 40, { noise: 1, otherSeed: true })
    expect(tokensToDetection(scores, UNMEASURED, ALPHA)).toBeLessThanOrEqual(20)
  })
})
