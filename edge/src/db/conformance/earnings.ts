import { providerConduct } from '@infernet/schemas/audit-tables'
import { leaseOf, newAccountId, newJobId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { PeerId } from '@infernet/schemas/peer-id'
import { payouts } from '@infernet/schemas/settlement-tables'
import { ask, type Database } from '@infernet/settlement/db/database'
import { post } from '@infernet/settlement/db/post'
import { escrowPaid, escrowSettled } from '@infernet/settlement/ledger/escrow-events'
import {
  slashLifted,
  verdictBad,
  verdictForfeited,
  verdictOk,
} from '@infernet/settlement/ledger/job-events'
import { payoutStarted, payoutSucceeded } from '@infernet/settlement/ledger/payout-events'
import type { Posting } from '@infernet/settlement/ledger/posting'
import { beforeEach, describe, expect, it } from 'vitest'
import type { EarningsStore } from '../../earnings/earnings-port.ts'
import { MAX_EARNINGS_PAYOUTS } from '../../earnings/earnings-port.ts'
import { NO_EARNINGS } from '../../testing/memory-earnings.ts'
import { writeLedgerEvents } from '../ledger-events.ts'
import { FEE_BPS, finishedJob, fundedBatch } from './fixtures.ts'

const DAY_MS = 86_400_000
const NOW = Date.UTC(2026, 5, 20, 12)

const client = ({ accountId }: JobRecord) => `client:${accountId}` as const

/** What a provider is told of its earnings. `openStore` takes the most lines that are read. */
export function testEarnings(
  open: () => Database,
  openStore: (now: () => number, maxLines?: number) => EarningsStore,
): void {
  let peer: PeerId
  beforeEach(() => {
    peer = `12D3KooW${newJobId(NOW)}` as PeerId
  })
  const earnings = (maxLines?: number) => openStore(() => NOW, maxLines).earningsOf(peer)
  const send = (event: Posting | undefined, at = NOW) => post(open(), event!, new Date(at))
  /** Jobs of this provider that ended so long ago. */
  const ended = async (costMsat: number, agoMs: number, changes: Partial<JobRecord> = {}) => {
    const createdAt = NOW - agoMs
    const id = newJobId(createdAt)
    const lease = leaseOf(id, 1)
    const job = finishedJob({
      id,
      lease,
      providerId: peer,
      costMsat,
      createdAt,
      totalMs: 0,
      ...changes,
    })
    await writeLedgerEvents(open(), fundedBatch([job]), FEE_BPS)
    return job
  }
  const judged = ({ lease, costMsat }: JobRecord) => ({
    lease: lease!,
    provider: peer,
    gross: BigInt(costMsat),
    feeBps: FEE_BPS,
  })

  describe('what a provider has earned', () => {
    it('is nothing before it has', async () => {
      expect(await earnings()).toEqual(NO_EARNINGS)
    })

    it('is told day by day, less the fee, and what became of it', async () => {
      const today = [await ended(1_000, 0), await ended(500, 3_600_000)]
      const before = [await ended(2_000, DAY_MS), await ended(100, 40 * DAY_MS)]
      await ended(0, 0)
      await send(verdictOk(judged(today[0]!)))
      await send(verdictBad(judged(today[1]!), client(today[1]!)))
      await send(verdictForfeited(judged(before[0]!)), NOW - 1_000)
      expect(await earnings()).toEqual({
        ...NO_EARNINGS,
        pendingMsat: 99n,
        payableMsat: 990n,
        earnedMsat: 990n + 495n + 1_980n + 99n,
        lostMsat: 495n + 1_980n,
        jobs: 4,
        days: [
          { date: '2026-06-20', jobs: 2, earnedMsat: 1_485n, lostMsat: 495n + 1_980n },
          { date: '2026-06-19', jobs: 1, earnedMsat: 1_980n, lostMsat: 0n },
        ],
      })
    })

    it('has what was lost by a mistake, once that was undone', async () => {
      const job = await ended(1_000, DAY_MS)
      await send(verdictBad(judged(job), client(job)), NOW - DAY_MS)
      await send(slashLifted(judged(job)))
      expect(await earnings()).toMatchObject({
        pendingMsat: 0n,
        payableMsat: 990n,
        earnedMsat: 2n * 990n,
        lostMsat: 990n,
        jobs: 1,
        days: [
          { date: '2026-06-20', jobs: 0, earnedMsat: 990n, lostMsat: 0n },
          { date: '2026-06-19', jobs: 1, earnedMsat: 990n, lostMsat: 990n },
        ],
      })
    })

    it('has its own parts of answers that another has gone on with, and fixed prices', async () => {
      const other = `12D3KooW${newJobId(NOW)}` as PeerId
      const id = newJobId(NOW)
      const leg = { promptTokens: 1, completionTokens: 1, claimedTokens: 1 }
      await ended(1_000, 0, {
        id,
        lease: leaseOf(id, 2),
        attempts: 2,
        providerId: other,
        priorLegs: [{ ...leg, providerId: peer, lease: leaseOf(id, 1), costMsat: 300 }],
      })
      const job = newJobId(NOW)
      const paymentHash = newAccountId(NOW)
      const escrow = { job, paymentHash, amount: 1_000n }
      await send(escrowSettled(escrow))
      await send(escrowPaid(escrow, [{ provider: peer, gross: 1_000n }], FEE_BPS))
      expect(await earnings()).toMatchObject({
        pendingMsat: 297n,
        payableMsat: 990n,
        earnedMsat: 1_287n,
        jobs: 2,
        days: [{ date: '2026-06-20', jobs: 2, earnedMsat: 1_287n }],
      })
    })

    it('is paid out, the latest first', async () => {
      await send(verdictOk(judged(await ended(10_000, 0))))
      const owner = `provider:${peer}` as const
      const rows = ['failed', ...Array<string>(11).fill('succeeded'), 'paying'] as never[]
      for (const [n, state] of rows.entries()) {
        const id = `po_${newAccountId(NOW)}`
        const row = { id, owner, amountMsat: BigInt(n), feeReserveMsat: 0n, feeLimitMsat: 0n }
        const createdAt = new Date(NOW - 100_000 + n * 1000)
        await ask(
          open()
            .insert(payouts)
            .values({
              ...row,
              destination: {},
              state,
              createdAt,
              failure: n === 0 ? 'no_route' : null,
              finishedAt: n === 12 ? null : new Date(NOW),
            }),
        )
      }
      const payout = { attempt: newAccountId(NOW), owner, amount: 900n, feeReserve: 0n }
      await send(payoutStarted(payout))
      await send(payoutSucceeded(payout, 0n))
      const found = await earnings()
      expect(found).toMatchObject({
        payableMsat: 9_000n,
        paidMsat: 66n,
        inFlightMsat: 12n,
        earnedMsat: 9_900n,
      })
      expect(found.payouts).toHaveLength(MAX_EARNINGS_PAYOUTS)
      expect(found.payouts[0]).toMatchObject({ state: 'paying', amountMsat: 12n, finishedAt: null })
      expect(found.payouts[1]).toMatchObject({
        state: 'succeeded',
        createdAt: NOW - 100_000 + 11_000,
        finishedAt: NOW,
      })
    })

    it('is held while it is audited, and all of it in a bad standing', async () => {
      await ended(1_000, 60_000, { heldUntil: NOW + 1 })
      await ended(1_000, 60_000, { heldUntil: NOW - 1 })
      await ended(1_000, 60_000)
      expect(await earnings()).toMatchObject({ pendingMsat: 2_970n, heldMsat: 990n })
      const row = { providerId: peer, standing: 'suspended', offences: 0 } as const
      await ask(
        open()
          .insert(providerConduct)
          .values({ ...row, since: new Date(NOW) }),
      )
      expect(await earnings()).toMatchObject({ standing: 'suspended', heldMsat: 2_970n })
    })

    it('says since when, where there is more than is read', async () => {
      for (const hours of [3, 2, 1]) await ended(100, hours * 3_600_000)
      expect(await earnings(4)).toMatchObject({ jobs: 3, since: null })
      expect(await earnings(2)).toMatchObject({
        jobs: 2,
        earnedMsat: 198n,
        pendingMsat: 297n,
        since: NOW - 2 * 3_600_000,
      })
    })
  })
}
