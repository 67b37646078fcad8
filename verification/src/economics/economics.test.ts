import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  auditCostShare,
  gainBeforeDetectionMsat,
  honestyMarginMsat,
  leastAuditRate,
  requiredSecurityMsat,
  type Incentives,
} from './economics.ts'
import { WORKED_EXAMPLES, workOut } from './worked-examples.ts'

const share = fc.double({ min: 0.01, max: 1, noNaN: true })
const anyIncentives: fc.Arbitrary<Incentives> = fc.record({
  auditRate: share,
  power: share,
  falseAlarm: fc.double({ min: 0, max: 0.01, noNaN: true }),
  corruptShare: fc.double({ min: 0, max: 1, noNaN: true }),
  lossMsat: fc.double({ min: 1, max: 1e9, noNaN: true }),
  gainMsat: fc.double({ min: 1, max: 1e6, noNaN: true }),
})

describe('the inequality', () => {
  const q4: Incentives = {
    auditRate: 0.01,
    power: 0.5,
    falseAlarm: 0.001,
    corruptShare: 0.2,
    lossMsat: 1_000_000,
    gainMsat: 25,
  }

  it('weighs p·(d·(1-ρ) - a)·L against g', () => {
    expect(honestyMarginMsat(q4)).toBeCloseTo(0.01 * (0.4 - 0.001) * 1_000_000 - 25, 9)
    expect(leastAuditRate(q4)).toBeCloseTo(25 / (0.399 * 1_000_000), 12)
  })

  it('turns at the least audit rate', () => {
    fc.assert(
      fc.property(anyIncentives, (incentives) => {
        const rate = leastAuditRate(incentives)
        if (!Number.isFinite(rate)) return
        const at = (auditRate: number) => honestyMarginMsat({ ...incentives, auditRate })
        expect(at(rate * 1.001)).toBeGreaterThan(0)
        expect(at(rate * 0.999)).toBeLessThan(0)
      }),
    )
  })

  it('cannot be met by any rate where all verifiers help the cheat, or nothing is at stake', () => {
    expect(leastAuditRate({ ...q4, corruptShare: 1 })).toBe(Infinity)
    expect(leastAuditRate({ ...q4, lossMsat: 0 })).toBe(Infinity)
  })

  it('asks for no audits where cheating saves nothing', () => {
    expect(leastAuditRate({ ...q4, gainMsat: 0 })).toBe(0)
  })
})

describe('the gain before detection', () => {
  it('does not depend on how often one cheats: g·k/p', () => {
    const cheat = { gainMsat: 255, jobsToDetect: 3, auditRate: 0.02 }
    expect(gainBeforeDetectionMsat(cheat)).toBeCloseTo(38_250, 6)
    expect(requiredSecurityMsat(cheat, 1000)).toBeCloseTo(3 * 38_250 + 1000, 6)
  })
})

/** Against the numbers of the report that this design follows. */
describe('the worked examples', () => {
  const [q4, small, smallAt1] = WORKED_EXAMPLES.map(workOut)

  it('8B answered by its q4 gains 1.25 to 3.75 sat', () => {
    expect(q4!.priceMsat).toBeCloseTo(50, 9)
    expect(q4!.gainMsat).toBeCloseTo(25, 9)
    expect(q4!.gainedSat[0]).toBeCloseTo(1.25, 9)
    expect(q4!.gainedSat[1]).toBeCloseTo(3.75, 9)
  })

  it('70B answered by an 8B gains 12.75 to 38 sat at 2 %, 25 to 77 at 1 %', () => {
    expect(small!.priceMsat).toBeCloseTo(300, 9)
    expect(small!.gainMsat).toBeCloseTo(255, 9)
    expect(small!.gainedSat[0]).toBeCloseTo(12.75, 9)
    expect(small!.gainedSat[1]).toBeCloseTo(38.25, 9)
    expect(smallAt1!.gainedSat[0]).toBeCloseTo(25.5, 9)
    expect(smallAt1!.gainedSat[1]).toBeCloseTo(76.5, 9)
  })

  it('24 h of holdback exceed what is needed by two orders', () => {
    const busyDaySat = 24 * 1000
    for (const { securitySat } of WORKED_EXAMPLES.map(workOut))
      expect(busyDaySat / securitySat).toBeGreaterThan(100)
  })

  it('audits of 2 % cost 0.02 to 0.2 % of the compute', () => {
    expect(q4!.auditCost[0]).toBeCloseTo(0.0002, 12)
    expect(q4!.auditCost[1]).toBeCloseTo(0.002, 12)
    expect(auditCostShare(0.01, 0.1)).toBeCloseTo(0.001, 12)
  })
})
