import { describe, expect, it } from 'vitest'
import { isWithinAim, type HonestClass, type HonestClasses, type Threshold } from './honest.ts'
import { missedAims } from './missed-aims.ts'

const threshold = (over: Partial<Threshold> = {}): Threshold => ({
  rate: 0.01,
  logE: 1,
  isLearnt: true,
  heldOutRate: 0.025,
  interval: [0.0162, 0.0367],
  ...over,
})
const classOf = (...thresholds: Threshold[]): HonestClass => ({
  calibration: { v: 1, requests: 0, tokens: 0, excess: [], lpDifference: [] },
  heldOut: [],
  beginnings: [],
  tokens: 0,
  falseAlarms: 0,
  mismatchRate: 0,
  thresholds,
})
const fits = classOf(threshold({ interval: [0.0099, 0.02] }))
const honest = (over: Partial<HonestClasses> = {}): HonestClasses => ({
  0: fits,
  0.03: fits,
  0.06: fits,
  ...over,
})

describe('held-out rates and their aims', () => {
  it.each<[readonly [number, number], boolean]>([
    [[0, 0.0037], true],
    [[0.005, 0.02], true],
    [[0.01, 0.03], true],
    [[0.0101, 0.03], false],
  ])('an interval of %j is within 1 %%: %s', (interval, isWithin) => {
    expect(isWithinAim(threshold({ interval }))).toBe(isWithin)
  })

  it('are said to be within where all are', () => {
    expect(missedAims({ honest: honest() })).toMatch(/^Every held-out rate is within/)
  })

  it('are listed with a reason where they are not', () => {
    const unlearnt = threshold({ rate: 0.001, isLearnt: false, heldOutRate: 0.006 })
    const text = missedAims({ honest: honest({ 0: classOf(threshold(), unlearnt) }) })
    expect(text).toContain('- Noise 0: 2.5 %, where 1 % is aimed at. The threshold holds')
    expect(text).toContain('- Noise 0: 0.6 %, where 0.1 % is aimed at. An e-value promises it')
    expect(text).not.toContain('Noise 0.03')
  })
})
