import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { calibrate } from './calibration.ts'
import { requestEvidence } from './request-evidence.ts'
import { tailEvidence } from './tail-bets.ts'
import {
  logRecentWealth,
  logWealth,
  nextWealth,
  STARTING_WEALTH,
  wealthSchema,
  type Wealth,
} from './wealth.ts'
import { HONEST, manyScores, randomOf, scoresOf, type Random } from './testing/synthetic-scores.ts'

const after = (logEs: readonly number[], start: Wealth = STARTING_WEALTH): Wealth =>
  logEs.reduce(nextWealth, start)
/** e is 20 with probability 1/20, else 0: as unlucky as an honest request can be. */
const fairLogE = (random: Random): number => (random() < 0.05 ? Math.log(20) : -Infinity)
const everReaches = (
  log: (wealth: Wealth) => number,
  threshold: number,
  requests: number,
  logE: () => number,
): number | undefined => {
  let wealth = STARTING_WEALTH
  for (let request = 1; request <= requests; request++) {
    wealth = nextWealth(wealth, logE())
    if (log(wealth) >= Math.log(threshold)) return request
  }
  return undefined
}
const anyLogEs = fc.array(
  fc.oneof(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.constant(-Infinity)),
  { maxLength: 30 },
)

describe('wealth', () => {
  it('is the mean over the fractions of the products', () => {
    const wealth = after([Math.log(5), Math.log(0.5)])
    const expected = [0.03, 0.1, 0.3].map((f) => (1 - f + f * 5) * (1 - f + f * 0.5))
    const mean = expected.reduce((sum, w) => sum + w, 0) / 3
    expect(logWealth(wealth)).toBeCloseTo(Math.log(mean), 12)
    expect(logWealth(STARTING_WEALTH)).toBe(0)
  })

  it('does not care in which order requests came; what was recent does', () => {
    fc.assert(
      fc.property(anyLogEs, (logEs) => {
        const there = after(logEs)
        const back = after(logEs.toReversed())
        expect(logWealth(there)).toBeCloseTo(logWealth(back), 6)
        expect(logRecentWealth(there)).toBeGreaterThanOrEqual(Math.max(0, logWealth(there)) - 1e-9)
      }),
    )
    const honest = Array.from({ length: 100 }, () => -1)
    const cheats = Array.from({ length: 5 }, () => 3)
    expect(logRecentWealth(after([...honest, ...cheats]))).toBeGreaterThan(3)
    expect(logRecentWealth(after([...cheats, ...honest]))).toBeLessThan(3)
  })

  it('survives JSON, whatever the evidence', () => {
    fc.assert(
      fc.property(anyLogEs, (logEs) => {
        const wealth = after(logEs)
        expect(wealthSchema.parse(JSON.parse(JSON.stringify(wealth)))).toEqual(wealth)
      }),
    )
  })

  it('takes no more than the cap from one request, and nothing that is no number', () => {
    expect(after([1e300])).toEqual(after([Math.log(1e6)]))
    expect(() => nextWealth(STARTING_WEALTH, NaN)).toThrow(RangeError)
  })

  it('reaches 1/α in a share of at most α of honest lifetimes', () => {
    const random = randomOf(1)
    const lives = Array.from({ length: 1500 }, () =>
      everReaches(logWealth, 100, 500, () => fairLogE(random)),
    )
    const reached = lives.filter((request) => request !== undefined).length / 1500
    expect(reached).toBeLessThanOrEqual(0.01)
    // The bound is nearly met, so the test could fail.
    expect(reached).toBeGreaterThan(0.001)
  })

  it('comes back to an honest provider no sooner than promised, on average', () => {
    const random = randomOf(2)
    const waits = Array.from({ length: 300 }, () =>
      everReaches(logRecentWealth, 50, 2000, () => fairLogE(random)),
    )
    const mean = waits.reduce<number>((sum, wait) => sum + (wait ?? 2000), 0) / 300
    expect(mean).toBeGreaterThanOrEqual(50)
  })
})

describe('a provider', () => {
  const calibration = calibrate(manyScores(randomOf(3), 200, 60))
  const logEOf = (random: Random, cheated: boolean): number =>
    requestEvidence(scoresOf(random, 60, cheated ? { noise: 6 } : HONEST), calibration).logE

  it('that is honest is not found', () => {
    const random = randomOf(4)
    for (let life = 0; life < 20; life++)
      expect(everReaches(logWealth, 100, 60, () => logEOf(random, false))).toBeUndefined()
  })

  it('that cheats on one request in twenty is found, where pooled tokens show nothing', () => {
    const random = randomOf(5)
    const found = Array.from({ length: 20 }, () =>
      everReaches(logWealth, 1e4, 200, () => logEOf(random, random() < 0.05)),
    )
    expect(
      found.filter((request) => request !== undefined && request <= 98).length,
    ).toBeGreaterThan(17)
    const requests = Array.from({ length: 200 }, (_, i) =>
      scoresOf(random, 60, i % 20 === 19 ? { noise: 6, forged: true } : HONEST),
    )
    const pooled = requests.flatMap(({ excess }) => excess)
    expect(tailEvidence(pooled, calibration.excess)).toBeLessThan(Math.log(1e4))
  })

  it('that turns after a long honest time is found by what was recent', () => {
    const honest = after(Array.from({ length: 2000 }, () => Math.log(0.1)))
    expect(logWealth(honest)).toBeLessThan(-40)
    const turned = after([12, 12], honest)
    expect(logWealth(turned)).toBeLessThan(0)
    expect(logRecentWealth(turned)).toBeGreaterThan(Math.log(1e6))
  })
})
