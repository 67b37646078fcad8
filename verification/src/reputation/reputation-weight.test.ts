import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { noCounts } from './decayed-counts.ts'
import { integrityCounts, reputationWeight, type AuditCounts } from './reputation-weight.ts'
import { score } from './score.ts'

const NONE: AuditCounts = { passed: 0, failed: 0, unopened: 0 }
const times = fc.nat({ max: 10_000 })
const counts: fc.Arbitrary<AuditCounts> = fc.record({
  passed: times,
  failed: times,
  unopened: times,
})

describe('the weight of a reputation', () => {
  it('has to be earned, and twenty good audits earn most of it', () => {
    expect(reputationWeight(NONE)).toBeCloseTo(0.0025, 6)
    expect(reputationWeight({ ...NONE, passed: 20 })).toBeGreaterThan(0.7)
  })

  it('is a share, and falls with what went wrong and with absence', () => {
    fc.assert(
      fc.property(counts, fc.double({ min: 0, max: 1, noNaN: true }), (of, uptime) => {
        const weight = reputationWeight(of, uptime)
        expect(weight).toBeGreaterThanOrEqual(0)
        expect(weight).toBeLessThanOrEqual(1)
        const worse = [
          { ...of, failed: of.failed + 1 },
          { ...of, unopened: of.unopened + 1 },
        ]
        for (const one of worse) expect(reputationWeight(one, uptime)).toBeLessThanOrEqual(weight)
        expect(reputationWeight(of, uptime / 4)).toBeCloseTo(weight / 2, 9)
      }),
    )
  })

  it('takes a fail for worse than what was not shown', () => {
    const record = { ...NONE, passed: 50 }
    const failed = reputationWeight({ ...record, failed: 1 })
    expect(failed).toBeLessThan(reputationWeight({ ...record, unopened: 5 }))
    expect(failed).toBeLessThan(reputationWeight(record) / 2)
  })

  it('is what the score makes of integrity and uptime', () => {
    const of = { passed: 9, failed: 0, unopened: 1 }
    const reputation = {
      integrity: { ...noCounts(0), ...integrityCounts(of) },
      completion: { good: 30, bad: 1, at: 0 },
      speed: 1,
    }
    const full = score({ ...reputation, uptime: 1 }, 1)
    const half = score({ ...reputation, uptime: 0.5 }, 1)
    expect(half / full).toBeCloseTo(reputationWeight(of, 0.5) / reputationWeight(of), 9)
  })
})
