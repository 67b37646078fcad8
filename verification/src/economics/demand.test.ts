import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shareOutDemand } from './demand.ts'

describe('demand', () => {
  it('goes by weight, and a twentieth to anybody', () => {
    const takers = [
      { weight: 0.9, most: 1000 },
      { weight: 0.1, most: 1000 },
      { weight: 0, most: 1000 },
    ]
    const [trusted, tried, unknown] = shareOutDemand(600, takers)
    expect(trusted).toBeGreaterThan(500)
    expect(tried).toBeLessThan(80)
    expect(unknown).toBe(10)
  })

  it('goes on to others when one is full', () => {
    const takers = [
      { weight: 1, most: 50 },
      { weight: 0.01, most: 1000 },
    ]
    const [full, other] = shareOutDemand(200, takers)
    expect(full).toBe(50)
    expect(other).toBeGreaterThan(145)
  })

  it('is met by nobody where there is nobody', () => {
    expect(shareOutDemand(200, [])).toEqual([])
  })

  it('is never exceeded, nor is what anybody can do', () => {
    const taker = fc.record({
      weight: fc.double({ min: 0, max: 1, noNaN: true }),
      most: fc.nat({ max: 100 }),
    })
    fc.assert(
      fc.property(fc.nat({ max: 1000 }), fc.array(taker, { maxLength: 10 }), (demand, takers) => {
        const given = shareOutDemand(demand, takers)
        expect(given.reduce((sum, jobs) => sum + jobs, 0)).toBeLessThanOrEqual(demand)
        given.forEach((jobs, i) => expect(jobs).toBeLessThanOrEqual(takers[i]!.most))
      }),
    )
  })
})
