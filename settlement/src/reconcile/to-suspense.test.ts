import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FINDING_KINDS, suspendsOf, type Finding, type FindingKind } from './finding.ts'
import type { Reconciliation } from './reconcile.ts'
import { planSuspense } from './to-suspense.ts'

const amount = fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n })
const kind = fc.constantFrom(...(Object.keys(FINDING_KINDS) as FindingKind[]))
const finding: fc.Arbitrary<Finding> = fc.record({
  kind,
  account: fc.constant('client:a'),
  reference: fc.uuid(),
  expectedMsat: amount,
  actualMsat: amount,
})

const reconciliation = (findings: readonly Finding[], omitted = 0): Reconciliation => ({
  node: {
    pubkey: '02',
    alias: '',
    network: 'regtest',
    version: '',
    blockHeight: 0,
    syncedToChain: true,
    simulated: true,
  },
  findings,
  omitted,
  checked: { invoices: 0, payments: 0, lines: 0, accounts: undefined },
})
const ALL = { limitMsat: 10n ** 18n, isDry: false }
const suspending = (findings: readonly Finding[]) =>
  findings.filter((one) => suspendsOf(one) && one.actualMsat !== one.expectedMsat)

describe('what goes to suspense', () => {
  it('is what node and ledger differ by, for each finding of a kind that goes there', () => {
    fc.assert(
      fc.property(fc.array(finding, { maxLength: 50 }), (findings) => {
        const plan = planSuspense(reconciliation(findings), ALL)
        expect(plan.map(({ posting, amountMsat }) => [posting.key, amountMsat])).toEqual(
          suspending(findings).map(({ reference, expectedMsat, actualMsat }) => [
            `sus:${reference}`,
            actualMsat - expectedMsat,
          ]),
        )
        for (const { posting, amountMsat } of plan)
          expect(posting.entries).toContainEqual({ account: 'suspense', amount: amountMsat })
      }),
    )
  })

  it('is nothing on the absence of a record, at a node that may not be the one that had it', () => {
    fc.assert(
      fc.property(fc.array(finding, { maxLength: 50 }), (findings) => {
        const isDoubtful = findings.some((one) =>
          ['settle_index_behind', 'other_node'].includes(one.kind),
        )
        const lacking = suspending(findings).map((one) => suspendsOf(one) === 'lacking')
        const plan = planSuspense(reconciliation(findings), ALL)
        expect(plan.map(({ left }) => left !== undefined)).toEqual(
          lacking.map((lacks) => lacks && isDoubtful),
        )
      }),
    )
  })

  it.each([
    ['beyond the limit', { limitMsat: 9n }, 1, 0],
    ['of more findings than are told', { limitMsat: 10n }, 1, 1],
    ['of more than 100 findings', { limitMsat: 10_000n }, 101, 0],
  ])('is nothing %s', (_, limit, count, omitted) => {
    const one: Finding = {
      kind: 'invoice_unknown',
      account: 'suspense',
      reference: 'inv:a',
      expectedMsat: 0n,
      actualMsat: 10n,
    }
    const findings = Array.from({ length: count }, () => one)
    const plan = planSuspense(reconciliation(findings, omitted), { isDry: false, ...limit })
    expect(new Set(plan.map(({ left }) => left?.includes('too much')))).toEqual(new Set([true]))
    const fewer = planSuspense(reconciliation([one]), { limitMsat: 10n, isDry: false })
    expect(fewer).toMatchObject([{ left: undefined, amountMsat: 10n }])
  })

  it('is nothing in a dry run', () => {
    fc.assert(
      fc.property(fc.array(finding, { maxLength: 50 }), (findings) => {
        const plan = planSuspense(reconciliation(findings), { ...ALL, isDry: true })
        expect(plan.every(({ left }) => left !== undefined)).toBe(true)
      }),
    )
  })
})
