import { describe, expect, it } from 'vitest'
import { calibrate, calibrationSchema, UNMEASURED } from './calibration.ts'
import { tailEvidence } from './tail-bets.ts'
import { manyScores, randomOf } from './testing/synthetic-scores.ts'

const repeated = (value: number, requests = 40, tokens = 100): number[][] =>
  Array.from({ length: requests }, () => Array.from({ length: tokens }, () => value))
const both = (values: number[][]) =>
  values.map((excess) => ({ excess, lpDifference: excess.map(Math.abs) }))

describe('calibrate', () => {
  it('bounds the honest rates of a fresh sample', () => {
    const calibration = calibrate(manyScores(randomOf(1), 150, 100))
    const fresh = manyScores(randomOf(2), 400, 100)
    for (const statistic of ['excess', 'lpDifference'] as const) {
      const values = fresh.flatMap((scores) => scores[statistic])
      for (const { above, rate } of calibration[statistic]) {
        const share = values.filter((value) => value > above).length / values.length
        expect(share).toBeLessThanOrEqual(rate)
      }
    }
    expect(calibration).toMatchObject({ requests: 150, tokens: 15_000 })
  })

  it('reaches from the body to the least rate', () => {
    const { lpDifference } = calibrate(manyScores(randomOf(1), 150, 100))
    expect(lpDifference[0]?.rate).toBeGreaterThan(0.5)
    expect(lpDifference.at(-1)?.rate).toBeLessThan(0.003)
  })

  it('is plain JSON that its schema accepts', () => {
    const calibration = calibrate(manyScores(randomOf(3), 50, 100))
    const read = calibrationSchema.parse(JSON.parse(JSON.stringify(calibration)))
    expect(read).toEqual(calibration)
    expect(calibrationSchema.parse(UNMEASURED)).toEqual(UNMEASURED)
  })

  it.each([
    [
      'rates that rise',
      [
        { above: 0, rate: 0.1 },
        { above: 1, rate: 0.2 },
      ],
    ],
    [
      'thresholds that fall',
      [
        { above: 1, rate: 0.2 },
        { above: 0, rate: 0.1 },
      ],
    ],
    ['a rate of nothing', [{ above: 0, rate: 0 }]],
    ['a rate of all', [{ above: 0, rate: 1 }]],
  ])('refuses %s', (_, excess) => {
    expect(calibrationSchema.safeParse({ ...UNMEASURED, excess }).success).toBe(false)
  })

  it('keeps a floor when a machine is compared with itself', () => {
    const { excess, lpDifference } = calibrate(both(repeated(0)))
    expect(excess).toEqual([{ above: 0, rate: expect.closeTo(1 - 0.01 ** (1 / 4000), 6) }])
    expect(lpDifference).toHaveLength(1)
    expect(lpDifference[0]?.above).toBe(0.005)
    const floored = calibrate(both(repeated(0)), { minRate: 0.01, minLpDifference: 0.1 })
    expect(floored.lpDifference).toEqual([{ above: 0.1, rate: 0.01 }])
  })

  it('knows nothing of what was never conclusive', () => {
    expect(calibrate([])).toMatchObject({ excess: [], lpDifference: [] })
    expect(calibrate(both(repeated(NaN)))).toMatchObject({ excess: [], lpDifference: [] })
  })

  it('skips NaN, and takes infinity for a value like any other', () => {
    const values = repeated(0).map((request) => request.with(0, Infinity).with(1, NaN))
    const { excess } = calibrate(both(values))
    expect(excess[0]?.above).toBe(0)
    expect(excess[0]?.rate).toBeGreaterThan(1 / 99)
    expect(excess.every(({ above }) => Number.isFinite(above))).toBe(true)
  })
})

describe('room for requests that are noisier than most', () => {
  const failures = (spread: number, seed: number): number => {
    const random = randomOf(seed)
    const { lpDifference } = calibrate(manyScores(random, 200, 60, { noise: 1, spread }))
    const fresh = manyScores(random, 1000, 60, { noise: 1, spread })
    return fresh.filter(
      (scores) => tailEvidence(scores.lpDifference, lpDifference) >= Math.log(1e3),
    ).length
  }

  it.each([0, 0.1, 0.2])('keeps honest requests that differ by %d from failing', (spread) => {
    expect(failures(spread, 4)).toBeLessThanOrEqual(1)
  })

  it('does not hold against others what an honest machine has shown', () => {
    const broken = repeated(5, 1)[0]!
    const without = calibrate(both(repeated(0, 200))).excess
    const having = calibrate(both([...repeated(0, 200), broken])).excess
    expect(tailEvidence(broken, without)).toBeGreaterThan(Math.log(1e4))
    expect(tailEvidence(broken, having)).toBeLessThan(Math.log(3))
  })
})
