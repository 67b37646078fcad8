import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { auc } from './auc.ts'

describe('the area under the ROC curve', () => {
  it('is the chance that a positive exceeds a negative', () => {
    expect(auc([0.1, 0.4, 0.35, 0.8], [false, false, true, true])).toBe(0.75)
    expect(auc([1, 2, 3, 4], [false, false, true, true])).toBe(1)
    expect(auc([4, 3, 2, 1], [false, false, true, true])).toBe(0)
    expect(auc([5, 5, 5], [true, false, false])).toBe(0.5)
  })

  it('is what counting all pairs gives', () => {
    const scored = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.boolean()), {
      minLength: 2,
    })
    fc.assert(
      fc.property(scored, (all) => {
        const [scores, labels] = [all.map(([score]) => score), all.map(([, label]) => label)]
        fc.pre(labels.includes(true) && labels.includes(false))
        const pairs = all.flatMap(([positive, label]) =>
          label ? all.filter(([, other]) => !other).map(([negative]) => positive - negative) : [],
        )
        const won = pairs.reduce((sum, lead) => sum + (Math.sign(lead) + 1) / 2, 0)
        expect(auc(scores, labels)).toBeCloseTo(won / pairs.length, 10)
      }),
    )
  })

  it('needs both kinds', () => {
    expect(() => auc([1, 2], [true, true])).toThrow(RangeError)
    expect(() => auc([1], [true, false])).toThrow(RangeError)
  })
})
