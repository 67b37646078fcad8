import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { auditRate, AUDIT_POLICY, SAFETY_FACTOR, type AuditSituation } from './audit-rate.ts'

const trusted: AuditSituation = {
  consecutiveValid: 100_000,
  securedMsat: 10_000_000n,
  gainPerJobMsat: 255n,
  jobsToDetect: 1,
  isSuspect: false,
}

const anySituation: fc.Arbitrary<AuditSituation> = fc.record({
  consecutiveValid: fc.nat({ max: 1_000_000 }),
  securedMsat: fc.bigInt({ min: 0n, max: 10n ** 12n }),
  gainPerJobMsat: fc.bigInt({ min: 0n, max: 10n ** 6n }),
  jobsToDetect: fc.integer({ min: 1, max: 1000 }),
  isSuspect: fc.boolean(),
})

describe('the audit rate', () => {
  it('is everything for a newcomer', () => {
    expect(auditRate({ ...trusted, consecutiveValid: 0 })).toBe(1)
  })

  it('is half after ten valid audits', () => {
    expect(auditRate({ ...trusted, consecutiveValid: 10 })).toBe(0.5)
  })

  it('is never below the least', () => {
    expect(auditRate(trusted)).toBe(AUDIT_POLICY.leastRate)
  })

  it('keeps the gain before detection below the security', () => {
    const rate = auditRate({ ...trusted, jobsToDetect: 1000, securedMsat: 10_000_000n })
    expect(rate).toBeCloseTo((SAFETY_FACTOR * 255 * 1000) / 10_000_000, 12)
  })

  it('is everything without security, and under suspicion', () => {
    expect(auditRate({ ...trusted, securedMsat: 0n })).toBe(1)
    expect(auditRate({ ...trusted, isSuspect: true })).toBe(1)
  })

  it('is a rate, whatever the situation', () => {
    fc.assert(
      fc.property(anySituation, (situation) => {
        const rate = auditRate(situation)
        expect(rate).toBeGreaterThanOrEqual(AUDIT_POLICY.leastRate)
        expect(rate).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('never rises with valid audits or security, nor falls with gain, stealth or suspicion', () => {
    fc.assert(
      fc.property(anySituation, fc.integer({ min: 1, max: 1000 }), (situation, more) => {
        const { consecutiveValid, securedMsat, gainPerJobMsat, jobsToDetect } = situation
        const rate = auditRate(situation)
        const calmer = [
          { consecutiveValid: consecutiveValid + more },
          { securedMsat: securedMsat + BigInt(more) },
        ]
        const graver = [
          { gainPerJobMsat: gainPerJobMsat + BigInt(more) },
          { jobsToDetect: jobsToDetect + more },
          { isSuspect: true },
        ]
        for (const change of calmer)
          expect(auditRate({ ...situation, ...change })).toBeLessThanOrEqual(rate)
        for (const change of graver)
          expect(auditRate({ ...situation, ...change })).toBeGreaterThanOrEqual(rate)
      }),
    )
  })
})
