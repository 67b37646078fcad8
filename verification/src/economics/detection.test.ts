import { describe, expect, it } from 'vitest'
import { CAUTION, cheatedLogE, honestLogE, MEASURED } from './detection.ts'
import { roundedAtRandom, seededRandom, skipped } from './random.ts'

const DRAWS = 20_000
const ACCUSED = Math.log(1e4)
const meanOf = (draw: () => number) =>
  Array.from({ length: DRAWS }, draw).reduce((sum, value) => sum + value, 0) / DRAWS

describe('evidence', () => {
  it('against the honest is 1 on average, as e-values have to be', () => {
    const random = seededRandom(1)
    expect(meanOf(() => Math.exp(honestLogE(random)))).toBeCloseTo(1, 1)
  })

  it.each(['q4', 'q4Forged', 'smallForged', 'cached'] as const)(
    'against %s has the measured median and 90 % of tokens',
    (name) => {
      const random = seededRandom(2)
      const detection = MEASURED[name]
      const detected = (tokens: number) =>
        meanOf(() => (cheatedLogE(random, tokens * CAUTION, detection) >= ACCUSED ? 1 : 0))
      expect(detected(detection.median)).toBeCloseTo(0.5, 1)
      expect(detected(detection.ninetieth)).toBeCloseTo(0.9, 1)
    },
  )

  it('against what was never told from the honest is that of the honest', () => {
    expect(cheatedLogE(seededRandom(3), 500, undefined)).toBe(honestLogE(seededRandom(3)))
  })
})

describe('chance', () => {
  it('takes one in 1/rate', () => {
    const random = seededRandom(4)
    expect(meanOf(() => skipped(random, 0.1)) / 9).toBeCloseTo(1, 1)
    expect(skipped(random, 1)).toBe(0)
    expect(skipped(random, 0)).toBe(Infinity)
  })

  it('rounds so that it is right on average', () => {
    const random = seededRandom(5)
    expect(meanOf(() => roundedAtRandom(random, 2.3))).toBeCloseTo(2.3, 1)
    expect(roundedAtRandom(random, 2)).toBe(2)
  })
})
