import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compareBooks,
  compareChannels,
  compareInvoice,
  comparePayment,
  compareSettleIndex,
  LATE_SECONDS,
  type InvoiceFact,
  type PaymentFact,
} from './compare.ts'
import {
  adviceOf,
  FINDING_KINDS,
  levelOf,
  suspenseOf,
  type Finding,
  type FindingKind,
} from './finding.ts'

const HASH = '0a'.repeat(32)
const NOW = 1_800_000_000
const amount = fc.bigInt({ min: 1n, max: 10n ** 15n })
const two = fc.tuple(amount, amount).filter(([a, b]) => a !== b)

const invoiceFact = (changes: Partial<InvoiceFact> = {}): InvoiceFact => ({
  hash: HASH,
  owner: 'client:acct_a',
  bookedMsat: 0n,
  suspendedMsat: 0n,
  ...changes,
})

const attemptOf = (amountMsat: bigint): NonNullable<PaymentFact['attempt']> => ({
  payout: 'p',
  owner: 'provider:a',
  state: 'succeeded',
  payoutState: 'succeeded',
  amountMsat,
})
const paymentFact = (changes: Partial<PaymentFact> = {}): PaymentFact => ({
  hash: HASH,
  attempt: undefined,
  bookedMsat: 0n,
  suspendedMsat: 0n,
  ...changes,
})
const sent = (amountMsat: bigint, feeMsat: bigint) => ({
  amountMsat,
  feeMsat,
  outcome: { status: 'succeeded', preimage: HASH, amountMsat, feeMsat } as const,
})
const ended = (status: 'in_flight' | 'failed') => ({
  amountMsat: 5n,
  feeMsat: 0n,
  outcome: status === 'failed' ? ({ status, reason: 'no_route' } as const) : ({ status } as const),
})

/** What goes to suspense is just what makes the two sides agree. */
function explains(finding: Finding | undefined): boolean {
  const posting = finding && suspenseOf(finding)
  if (finding === undefined || posting === undefined) return false
  const ofAssets = posting.entries.find(({ account }) => account === 'asset:ln')?.amount ?? 0n
  return finding.expectedMsat - ofAssets === finding.actualMsat
}

describe('an invoice', () => {
  it('is fine when the ledger has what the node was paid, as credit or in suspense', () => {
    fc.assert(
      fc.property(amount, fc.bigInt({ min: 0n, max: 10n ** 15n }), (credit, suspended) => {
        const fact = invoiceFact({ bookedMsat: credit, suspendedMsat: suspended })
        const paid = { paidMsat: credit + suspended, settledAt: NOW }
        expect(compareInvoice(paid, fact, NOW)).toBeUndefined()
      }),
    )
    expect(compareInvoice(undefined, invoiceFact(), NOW)).toBeUndefined()
  })

  it('is late at first, then not credited, and never goes to suspense while it is ours', () => {
    fc.assert(
      fc.property(amount, fc.nat(2 * LATE_SECONDS), (paidMsat, age) => {
        const finding = compareInvoice({ paidMsat, settledAt: NOW - age }, invoiceFact(), NOW)
        expect(finding).toEqual({
          kind: age < LATE_SECONDS ? 'invoice_late' : 'invoice_uncredited',
          account: 'client:acct_a',
          reference: `inv:${HASH}`,
          expectedMsat: 0n,
          actualMsat: paidMsat,
        })
        expect(suspenseOf(finding!)).toBeUndefined()
      }),
    )
  })

  it.each([
    ['invoice_unknown', { owner: undefined, paid: true, booked: false }],
    ['invoice_amount', { owner: 'client:acct_a', paid: true, booked: true }],
    ['credit_unpaid', { owner: 'client:acct_a', paid: false, booked: true }],
  ] as const)('that drifts is %s, and suspense explains it', (kind, { owner, paid, booked }) => {
    fc.assert(
      fc.property(two, ([paidMsat, bookedMsat]) => {
        const fact = invoiceFact({ owner, bookedMsat: booked ? bookedMsat : 0n })
        const invoice = paid ? { paidMsat, settledAt: 0 } : undefined
        const finding = compareInvoice(invoice, fact, NOW)
        expect(finding).toMatchObject({ kind, account: owner ?? 'suspense' })
        expect(explains(finding)).toBe(true)
      }),
    )
  })
})

describe('a payment', () => {
  it('is fine when the ledger has what has left the node', () => {
    fc.assert(
      fc.property(amount, fc.bigInt({ min: 0n, max: 10n ** 9n }), (arrived, fee) => {
        const bookedMsat = arrived + fee
        const attempt = attemptOf(arrived)
        const ours = paymentFact({ attempt, bookedMsat })
        expect(comparePayment(sent(arrived, fee), ours)).toBeUndefined()
        const foreign = paymentFact({ suspendedMsat: bookedMsat })
        expect(comparePayment(sent(arrived, fee), foreign)).toBeUndefined()
      }),
    )
  })

  it('is no news while it is under way or after it has failed', () => {
    const unresolved = { ...attemptOf(5n), state: 'unresolved', payoutState: 'paying' } as const
    const failed = { ...attemptOf(5n), state: 'failed', payoutState: 'open' } as const
    for (const attempt of [undefined, unresolved])
      for (const payment of [ended('in_flight'), ended('failed'), undefined])
        expect(comparePayment(payment, paymentFact({ attempt }))).toBeUndefined()
    expect(comparePayment(ended('failed'), paymentFact({ attempt: failed }))).toBeUndefined()
    expect(comparePayment(ended('in_flight'), paymentFact({ attempt: failed }))).toMatchObject({
      kind: 'payment_running_after_failure',
    })
  })

  it.each([
    ['payment_unknown', undefined, true],
    ['payment_unbooked', { state: 'unresolved', payoutState: 'paying' }, false],
    ['payment_after_failure', { state: 'failed', payoutState: 'failed' }, true],
    ['paid_twice', { state: 'failed', payoutState: 'succeeded' }, true],
  ] as const)('that has left without being booked is %s', (kind, state, suspends) => {
    fc.assert(
      fc.property(amount, amount, (arrived, fee) => {
        const attempt = state && { ...attemptOf(arrived), ...state }
        const finding = comparePayment(sent(arrived, fee), paymentFact({ attempt }))
        const account = attempt?.owner ?? 'suspense'
        expect(finding).toMatchObject({ kind, account, actualMsat: -(arrived + fee) })
        expect(explains(finding)).toBe(suspends)
      }),
    )
  })

  it('of another amount or fee than was booked says which', () => {
    fc.assert(
      fc.property(two, amount, ([arrived, ordered], fee) => {
        const differs = paymentFact({ attempt: attemptOf(ordered), bookedMsat: ordered + fee })
        const finding = comparePayment(sent(arrived, fee), differs)
        expect(finding).toMatchObject({ kind: 'payment_amount' })
        expect(explains(finding)).toBe(true)
      }),
    )
    fc.assert(
      fc.property(amount, two, (arrived, [fee, booked]) => {
        const differs = paymentFact({ attempt: attemptOf(arrived), bookedMsat: arrived + booked })
        const finding = comparePayment(sent(arrived, fee), differs)
        expect(finding).toMatchObject({ kind: 'payment_fee' })
        expect(explains(finding)).toBe(true)
      }),
    )
  })

  it('that was booked and has not left is unpaid, but for what the node still tries', () => {
    const fact = paymentFact({ attempt: attemptOf(5n), bookedMsat: 6n })
    const running = comparePayment(ended('in_flight'), fact)
    expect(running).toMatchObject({ kind: 'payment_running_after_success', expectedMsat: -6n })
    expect(suspenseOf(running!)).toBeUndefined()
    for (const payment of [undefined, ended('failed')]) {
      const finding = comparePayment(payment, fact)
      expect(finding).toMatchObject({ kind: 'payout_unpaid', expectedMsat: -6n, actualMsat: 0n })
      expect(suspenseOf(finding!)).toBeUndefined()
    }
  })
})

describe('the books', () => {
  it('are solvent when all that is owed is there, or was put in', () => {
    fc.assert(
      fc.property(amount, amount, amount, amount, (clients, providers, fee, granted) => {
        const owed = clients + providers
        const balances = new Map([
          ['client', clients],
          ['provider', providers],
          ['revenue:fee', fee],
          ['equity:operator', -granted],
          ['asset:ln', granted - owed - fee],
        ])
        expect(compareBooks(balances, 0n)).toEqual([])
        balances.set('asset:ln', granted - owed + 1n)
        const lacking = { expectedMsat: owed, actualMsat: owed - 1n }
        expect(compareBooks(balances, owed - 1n)).toMatchObject([{ kind: 'insolvent', ...lacking }])
        expect(compareBooks(balances, owed)).toMatchObject([{ kind: 'at_a_loss', ...lacking }])
      }),
    )
  })

  it('name what nobody has explained', () => {
    expect(compareBooks(new Map([['suspense', -3n]]), 0n)).toMatchObject([
      { kind: 'in_suspense', actualMsat: -3n },
    ])
  })
})

describe('the channels', () => {
  it('drift only from an opening balance, and beyond the tolerance', () => {
    fc.assert(
      fc.property(amount, amount, fc.bigInt(-100n, 100n), (opening, booked, off) => {
        const fact = {
          bookedMsat: booked,
          channelsMsat: opening + booked + off,
          openingMsat: opening,
          toleranceMsat: 50n,
        }
        const isDrift = off < -50n || off > 50n
        expect(compareChannels(fact)?.kind).toBe(isDrift ? 'channel_balance' : undefined)
        expect(compareChannels({ ...fact, openingMsat: undefined })?.kind).toBe('channel_position')
      }),
    )
  })
})

describe('the settle index', () => {
  it('of a node never goes back, and another node is named', () => {
    const read = new Map([
      ['02aa', 5n],
      ['02bb', 1n],
    ])
    const kinds = (settled: bigint) =>
      compareSettleIndex({ node: '02aa', settled, read }).map(({ kind }) => kind)
    expect(kinds(5n)).toEqual(['other_node'])
    expect(kinds(4n)).toEqual(['settle_index_behind', 'other_node'])
  })
})

describe('every kind of finding', () => {
  const all = Object.keys(FINDING_KINDS).map((kind) => ({
    kind: kind as FindingKind,
    account: 'asset:ln',
    reference: 'r',
    expectedMsat: 1n,
    actualMsat: 3n,
  }))

  it('says what to do, and only drift goes to suspense', () => {
    for (const finding of all) {
      expect(adviceOf(finding)).toMatch(/\.$|!$|\?$/)
      expect(levelOf(finding) === 'drift' || suspenseOf(finding) === undefined).toBe(true)
    }
  })

  it('of drift goes to suspense or says why not', () => {
    for (const finding of all.filter((one) => levelOf(one) === 'drift'))
      expect(adviceOf(finding).includes('Not to suspense: ')).toBe(
        suspenseOf(finding) === undefined,
      )
  })
})
