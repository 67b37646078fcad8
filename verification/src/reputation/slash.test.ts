import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { availabilityPenaltyMsat, slash, type AffectedJob, type Takeable } from './slash.ts'

const total = (amounts: readonly bigint[]) => amounts.reduce((sum, amount) => sum + amount, 0n)
const totalTaken = ({ affectedHeldMsat, otherHeldMsat, bondMsat }: Takeable) =>
  affectedHeldMsat + otherHeldMsat + bondMsat
const jobs = (...nets: bigint[]): AffectedJob[] =>
  nets.map((netMsat, i) => ({ job: `j${i}`, client: `c${i % 2}`, netMsat, feeMsat: 3n }))
const rich: Takeable = {
  affectedHeldMsat: 400n,
  otherHeldMsat: 500n,
  bondMsat: 5000n,
}

describe('a slash', () => {
  it('takes three times what was earned, refunds all of it with the fee, and keeps the rest', () => {
    expect(slash(jobs(300n, 100n), rich)).toEqual({
      taken: { affectedHeldMsat: 400n, otherHeldMsat: 500n, bondMsat: 300n },
      refunds: [
        { job: 'j0', client: 'c0', fromProviderMsat: 300n, fromFeeMsat: 3n },
        { job: 'j1', client: 'c1', fromProviderMsat: 100n, fromFeeMsat: 3n },
      ],
      operatorKeepsMsat: 800n,
    })
  })

  it('shares out what there is when it does not suffice, and keeps nothing', () => {
    const poor = { affectedHeldMsat: 100n, otherHeldMsat: 0n, bondMsat: 0n }
    const { refunds, operatorKeepsMsat } = slash(jobs(300n, 100n), poor)
    expect(refunds.map(({ fromProviderMsat }) => fromProviderMsat)).toEqual([75n, 25n])
    expect(operatorKeepsMsat).toBe(0n)
  })

  it('takes nothing where nothing is affected', () => {
    expect(totalTaken(slash([], rich).taken)).toBe(0n)
  })

  const amount = fc.bigInt({ min: 0n, max: 10n ** 12n })
  const anyJobs = fc
    .array(fc.record({ netMsat: amount, feeMsat: amount }), { maxLength: 20 })
    .map((list) => list.map((job, i) => ({ ...job, job: `j${i}`, client: `c${i % 3}` })))
  const anyMeans = fc.record({
    affectedHeldMsat: amount,
    otherHeldMsat: amount,
    bondMsat: amount,
  })

  it('sums exactly, never exceeds what there is, nor what the factor allows', () => {
    fc.assert(
      fc.property(anyJobs, anyMeans, fc.bigInt({ min: 0n, max: 10n }), (affected, has, factor) => {
        const { taken, refunds, operatorKeepsMsat } = slash(affected, has, factor)
        const refunded = total(refunds.map(({ fromProviderMsat }) => fromProviderMsat))
        expect(totalTaken(taken)).toBe(refunded + operatorKeepsMsat)
        for (const key of ['affectedHeldMsat', 'otherHeldMsat', 'bondMsat'] as const) {
          expect(taken[key]).toBeLessThanOrEqual(has[key])
          expect(taken[key]).toBeGreaterThanOrEqual(0n)
        }
        const earned = total(affected.map(({ netMsat }) => netMsat))
        expect(totalTaken(taken)).toBeLessThanOrEqual(earned * factor)
      }),
    )
  })

  it('refunds nobody more than was paid, and the operator keeps nothing before all have theirs', () => {
    fc.assert(
      fc.property(anyJobs, anyMeans, (affected, has) => {
        const { refunds, operatorKeepsMsat } = slash(affected, has)
        refunds.forEach(({ fromProviderMsat, fromFeeMsat }, i) => {
          expect(fromProviderMsat).toBeGreaterThanOrEqual(0n)
          expect(fromProviderMsat).toBeLessThanOrEqual(affected[i]!.netMsat)
          expect(fromFeeMsat).toBe(affected[i]!.feeMsat)
          if (operatorKeepsMsat > 0n) expect(fromProviderMsat).toBe(affected[i]!.netMsat)
        })
      }),
    )
  })

  it('touches the bond only after all holdback', () => {
    fc.assert(
      fc.property(anyJobs, anyMeans, (affected, has) => {
        const { taken } = slash(affected, has)
        if (taken.bondMsat > 0n) expect(taken.otherHeldMsat).toBe(has.otherHeldMsat)
        if (taken.otherHeldMsat > 0n) expect(taken.affectedHeldMsat).toBe(has.affectedHeldMsat)
      }),
    )
  })
})

describe('a fault of availability', () => {
  it('costs a tenth of the price at most, and never what is not held', () => {
    expect(availabilityPenaltyMsat(305n, 1000n)).toBe(30n)
    expect(availabilityPenaltyMsat(305n, 12n)).toBe(12n)
  })
})
