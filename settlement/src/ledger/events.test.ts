import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ACCOUNT_KINDS, kindOf, rulesOf, type AccountCode } from './account-code.ts'
import { Balances } from './balances.ts'
import { creditGranted, suspended, topUpSettled } from './credit-events.ts'
import { escrowPaid, escrowRefunded, escrowSettled } from './escrow-events.ts'
import { MAX_FEE_BPS, MIN_FEE_BPS, splitFee } from './fee.ts'
import { jobCaptured, slashLifted, verdictBad, verdictForfeited, verdictOk } from './job-events.ts'
import { payoutFailed, payoutStarted, payoutSucceeded } from './payout-events.ts'
import { posting, type Posting, type PostingError } from './posting.ts'

const shown = (posted: Posting | undefined) =>
  posted && {
    key: posted.key,
    entries: Object.fromEntries(posted.entries.map(({ account, amount }) => [account, amount])),
  }
const leg = (provider: string, gross: bigint) => ({ provider, gross })
const PAYOUT = { attempt: 'a1', owner: 'provider:P', amount: 900n, feeReserve: 0n } as const
const ESCROW = { paymentHash: 'h', job: 'j', amount: 1000n }

describe('what events post', () => {
  const job = { id: 'j', payer: 'client:c', feeBps: 100 } as const
  const judged = { lease: 'j.1', provider: 'P', gross: 150n, feeBps: 100 }

  it.each<[string, Posting | undefined, ReturnType<typeof shown>]>([
    [
      'a top-up',
      topUpSettled({ paymentHash: 'h', to: 'client:c', amount: 5n }),
      { key: 'inv:h', entries: { 'asset:ln': -5n, 'client:c': 5n } },
    ],
    [
      'a grant',
      creditGranted({ accountId: 'c', reference: 'r 1', amount: 5n }),
      { key: 'grant:c:r 1', entries: { 'equity:operator': -5n, 'client:c': 5n } },
    ],
    [
      'a job',
      jobCaptured({ ...job, legs: [leg('P', 150n)] }),
      {
        key: 'cap:j',
        entries: { 'client:c': -150n, 'provider_pending:P': 148n, 'revenue:fee': 2n },
      },
    ],
    [
      'a job that was continued, and came back to its first provider',
      jobCaptured({ ...job, legs: [leg('P', 100n), leg('Q', 1n), leg('P', 200n)] }),
      {
        key: 'cap:j',
        entries: { 'client:c': -301n, 'provider_pending:P': 297n, 'revenue:fee': 4n },
      },
    ],
    [
      'a job out of a bundle',
      jobCaptured({ ...job, payer: 'l402:h', legs: [leg('P', 100n)] }),
      { key: 'cap:j', entries: { 'l402:h': -100n, 'provider_pending:P': 99n, 'revenue:fee': 1n } },
    ],
    ['a job that cost nothing', jobCaptured({ ...job, legs: [leg('P', 0n)] }), undefined],
    ['a job without a provider', jobCaptured({ ...job, legs: [] }), undefined],
    [
      'a good verdict',
      verdictOk(judged),
      { key: 'ver:j.1', entries: { 'provider_pending:P': -148n, 'provider:P': 148n } },
    ],
    [
      'a bad verdict',
      verdictBad(judged, 'client:c'),
      {
        key: 'ver:j.1',
        entries: { 'provider_pending:P': -148n, 'revenue:fee': -2n, 'client:c': 150n },
      },
    ],
    [
      'a job that its provider forfeits',
      verdictForfeited(judged),
      { key: 'ver:j.1', entries: { 'provider_pending:P': -148n, 'revenue:slash': 148n } },
    ],
    [
      'a bad verdict that was a mistake',
      slashLifted(judged),
      { key: 'lift:j.1', entries: { 'equity:operator': -148n, 'provider:P': 148n } },
    ],
    [
      'a payout',
      payoutStarted(PAYOUT),
      { key: 'po:a1:start', entries: { 'provider:P': -900n, 'payout_inflight:a1': 900n } },
    ],
    [
      'a payout that arrived',
      payoutSucceeded(PAYOUT, 3n),
      {
        key: 'po:a1:ok',
        entries: { 'payout_inflight:a1': -900n, 'asset:ln': 903n, 'expense:routing': -3n },
      },
    ],
    [
      'a payout that failed',
      payoutFailed(PAYOUT),
      { key: 'po:a1:fail', entries: { 'payout_inflight:a1': -900n, 'provider:P': 900n } },
    ],
    [
      'a withdrawal that cost less than its reserve',
      payoutSucceeded({ ...PAYOUT, owner: 'client:c', feeReserve: 10n }, 3n),
      {
        key: 'po:a1:ok',
        entries: { 'payout_inflight:a1': -910n, 'asset:ln': 903n, 'client:c': 7n },
      },
    ],
    [
      'a withdrawal that cost more than its reserve',
      payoutSucceeded({ ...PAYOUT, owner: 'client:c', feeReserve: 2n }, 3n),
      {
        key: 'po:a1:ok',
        entries: { 'payout_inflight:a1': -902n, 'asset:ln': 903n, 'expense:routing': -1n },
      },
    ],
    [
      'an escrow',
      escrowSettled(ESCROW),
      { key: 'esc:h', entries: { 'asset:ln': -1000n, 'escrow:j': 1000n } },
    ],
    [
      'an escrow’s providers',
      escrowPaid(ESCROW, [leg('P', 600n), leg('Q', 400n)], 50),
      {
        key: 'esc:h:out',
        entries: { 'escrow:j': -1000n, 'provider:P': 597n, 'provider:Q': 398n, 'revenue:fee': 5n },
      },
    ],
    [
      'an escrow given back',
      escrowRefunded(ESCROW, 'client:c'),
      { key: 'esc:h:out', entries: { 'escrow:j': -1000n, 'client:c': 1000n } },
    ],
    [
      'what nobody can explain',
      suspended({ reference: 'r', from: 'asset:ln', amount: -5n }),
      { key: 'sus:r', entries: { 'asset:ln': 5n, suspense: -5n } },
    ],
  ])('%s', (_, posted, expected) => expect(shown(posted)).toEqual(expected))

  const thrown = (body: () => unknown): string | undefined => {
    try {
      body()
    } catch (error) {
      return (error as PostingError).code
    }
    return undefined
  }

  it.each([
    [
      'a top-up of nothing',
      'bad_amount',
      () => topUpSettled({ paymentHash: 'h', to: 'client:c', amount: 0n }),
    ],
    ['a negative price', 'bad_amount', () => jobCaptured({ ...job, legs: [leg('P', -1n)] })],
    ['a payout below nothing', 'bad_amount', () => payoutStarted({ ...PAYOUT, amount: -1n })],
    ['a negative routing fee', 'bad_amount', () => payoutSucceeded(PAYOUT, -1n)],
    ['a negative reserve', 'bad_amount', () => payoutFailed({ ...PAYOUT, feeReserve: -1n })],
    [
      'nothing unexplained',
      'bad_amount',
      () => suspended({ reference: 'r', from: 'asset:ln', amount: 0n }),
    ],
    ['a part of an escrow', 'unbalanced', () => escrowPaid(ESCROW, [leg('P', 600n)], 50)],
    ['half an event', 'unbalanced', () => posting('k', 'grant', [['client:c', 1n]])],
    ['no event at all', 'unbalanced', () => posting('k', 'grant', [['client:c', 0n]])],
  ])('refuses %s', (_, code, body) => expect(thrown(body)).toBe(code))
})

describe('the platform fee', () => {
  const bps = fc.integer({ min: MIN_FEE_BPS, max: MAX_FEE_BPS })

  it('and what the provider gets are the price, the fee less than a msat above its share', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 53n }), bps, (gross, feeBps) => {
        const { fee, net } = splitFee(gross, feeBps)
        expect(fee + net).toBe(gross)
        expect(net >= 0n).toBe(true)
        const exact = gross * BigInt(feeBps)
        expect(fee * 10_000n >= exact && fee * 10_000n < exact + 10_000n).toBe(true)
      }),
    )
  })

  it('is exact for every rate and every small price', () => {
    const wrong: string[] = []
    for (let feeBps = MIN_FEE_BPS; feeBps <= MAX_FEE_BPS; feeBps++) {
      for (let gross = 0; gross <= 250; gross++) {
        const { fee, net } = splitFee(BigInt(gross), feeBps)
        const expected = Math.ceil((gross * feeBps) / 10_000)
        if (Number(fee) !== expected || Number(fee + net) !== gross)
          wrong.push(`${gross} ${feeBps}`)
      }
    }
    expect(wrong).toEqual([])
  })
})

/** Every event, over few enough names that they meet. */
const amount = fc.bigInt({ min: 1n, max: 1000n })
const name = fc.constantFrom('a', 'b', 'c')
const feeBps = fc.integer({ min: MIN_FEE_BPS, max: MAX_FEE_BPS })
const legs = fc.array(fc.record({ provider: name, gross: fc.bigInt({ min: 0n, max: 300n }) }), {
  maxLength: 4,
})
const payer = fc.oneof(
  name.map((id) => `client:${id}` as const),
  name.map((hash) => `l402:${hash}` as const),
)
const payout = fc.record({
  attempt: name,
  owner: fc.oneof(
    payer,
    name.map((id) => `provider:${id}` as const),
  ),
  amount,
  feeReserve: fc.bigInt({ min: 0n, max: 20n }),
})
const routingFee = fc.bigInt({ min: 0n, max: 30n })
const judged = fc.record({ lease: name, provider: name, gross: amount, feeBps })
const escrow = fc.record({ paymentHash: name, job: name, amount })

const incoming = fc.oneof(
  fc.record({ paymentHash: fc.uuid(), to: payer, amount }).map(topUpSettled),
  escrow.map(escrowSettled),
)
const earned = fc.oneof(
  fc.record({ id: fc.uuid(), payer, legs, feeBps }).map(jobCaptured),
  judged.map(verdictOk),
  escrow.chain((held) => feeBps.map((bps) => escrowPaid(held, [leg('a', held.amount)], bps))),
  escrow.map((held) => escrowRefunded(held, 'client:a')),
  payout.map(payoutStarted),
  payout.map(payoutFailed),
)
const costly = fc.oneof(
  fc.record({ accountId: name, reference: name, amount }).map(creditGranted),
  fc.tuple(judged, payer).map(([lease, to]) => verdictBad(lease, to)),
  judged.map(slashLifted),
  fc.tuple(payout, routingFee).map(([sent, fee]) => payoutSucceeded(sent, fee)),
  fc.record({ reference: name, from: fc.constant('asset:ln' as const), amount }).map(suspended),
)
const anything = fc.array(fc.oneof(incoming, earned, costly), { maxLength: 60 })
/** None that we pay ourselves. */
const income = fc.array(fc.oneof(incoming, earned), { maxLength: 60 })

/** Posts what its accounts can cover. */
function play(events: readonly (Posting | undefined)[]): Balances {
  const balances = new Balances()
  for (const event of events) {
    if (event === undefined) continue
    try {
      balances.post(event)
    } catch (error) {
      expect((error as PostingError).code).toBe('uncovered')
    }
  }
  return balances
}

describe('any sequence of events', () => {
  it('sums to zero, event by event, with one entry above or below zero per account', () => {
    fc.assert(
      fc.property(anything, (events) => {
        for (const event of events) {
          if (event === undefined) continue
          expect(event.entries.reduce((sum, entry) => sum + entry.amount, 0n)).toBe(0n)
          expect(event.entries.every((entry) => entry.amount !== 0n)).toBe(true)
          const accounts = event.entries.map(({ account }) => account)
          expect(new Set(accounts).size).toBe(accounts.length)
        }
      }),
    )
  })

  it('changes nothing when it is played again, and leaves balances that are their entries', () => {
    fc.assert(
      fc.property(anything, (events) => {
        const balances = play(events)
        const before = balances.postings
        for (const event of before) expect(balances.post(event)).toBe('replayed')
        expect(balances.postings).toEqual(before)
        const sums = new Map<AccountCode, bigint>()
        for (const { account, amount: part } of before.flatMap(({ entries }) => entries)) {
          sums.set(account, (sums.get(account) ?? 0n) + part)
        }
        for (const [account, sum] of sums) {
          expect(balances.of(account)).toBe(sum)
          if (rulesOf(account).mustCover) expect(sum >= 0n, account).toBe(true)
        }
      }),
    )
  })

  it('owes what we have, less what is our own', () => {
    fc.assert(
      fc.property(anything, (events) => {
        const { owed, had, own } = play(events).position()
        expect(owed + own).toBe(had)
      }),
    )
  })

  it('never owes more than we have, as long as we pay for nothing ourselves', () => {
    fc.assert(
      fc.property(income, (events) => {
        const { owed, had } = play(events).position()
        expect(owed <= had).toBe(true)
      }),
    )
  })
})

describe('the kinds of accounts', () => {
  it('are tracked where they must be covered', () => {
    for (const rules of Object.values(ACCOUNT_KINDS)) {
      expect(rules.tracked || !rules.mustCover).toBe(true)
    }
  })

  it('are read from codes', () => {
    expect(kindOf('provider_pending:12D3')).toBe('provider_pending')
    expect(kindOf('suspense')).toBe('suspense')
  })
})
