import { sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { newAccountId, type AccountId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import { creditGranted } from '@infernet/settlement/ledger/credit-events'
import { verdictBad, verdictOk } from '@infernet/settlement/ledger/job-events'
import { payoutStarted, payoutSucceeded } from '@infernet/settlement/ledger/payout-events'
import type { Posting } from '@infernet/settlement/ledger/posting'
import { askRows, type Database } from '@infernet/settlement/db/database'
import { writeLedgerEvents } from '../ledger-events.ts'
import {
  balancesOf,
  creditsOf,
  MAX_STATEMENT_LINES,
  providerEarnings,
  statementOf,
  trialBalance,
} from '../ledger.ts'
import { usageByDay } from '../usage.ts'
import { post } from '@infernet/settlement/db/post'
import { batchOf, FEE_BPS, finishedJob, fundedBatch } from './fixtures.ts'

const AT = new Date('2026-01-02T03:04:05.678Z')

/** A row of usage by requests of {@link finishedJob}. */
const usedOn = (date: string, model: string, requests: number, costMsat: number) => ({
  date,
  model,
  requests,
  promptTokens: 10 * requests,
  completionTokens: 20 * requests,
  costMsat,
})

const newPeer = () => `12D3${newAccountId(0)}` as PeerId

export function testLedger(open: () => Database): void {
  const send = (event: Posting | undefined) => post(open(), event!, AT)

  describe('the ledger', () => {
    it('says what a provider has earned and what of it is payable', async () => {
      const [provider, other] = [newPeer(), newPeer()]
      expect(await providerEarnings(open(), provider)).toEqual({ pendingMsat: 0n, payableMsat: 0n })
      const jobs = [300, 100].map((costMsat) => finishedJob({ providerId: provider, costMsat }))
      await writeLedgerEvents(open(), fundedBatch(jobs), FEE_BPS)
      const judged = jobs.map(({ lease, costMsat }) => ({
        lease: lease!,
        provider,
        gross: BigInt(costMsat),
        feeBps: FEE_BPS,
      }))
      await send(verdictOk(judged[0]!))
      expect(await providerEarnings(open(), provider)).toEqual({
        pendingMsat: 99n,
        payableMsat: 297n,
      })
      await send(verdictBad(judged[1]!, `client:${jobs[1]!.accountId}`))
      // A lease is judged once.
      await expect(send(verdictOk(judged[1]!))).rejects.toMatchObject({ code: 'key_conflict' })
      const payout = {
        attempt: newAccountId(0),
        owner: `provider:${provider}`,
        amount: 297n,
        feeReserve: 0n,
      } as const
      await send(payoutStarted(payout))
      await expect(
        send(payoutStarted({ ...payout, attempt: newAccountId(0) })),
      ).rejects.toMatchObject({ code: 'uncovered' })
      await send(payoutSucceeded(payout, 2n))
      expect(await providerEarnings(open(), provider)).toEqual({ pendingMsat: 0n, payableMsat: 0n })
      expect(await providerEarnings(open(), other)).toEqual({ pendingMsat: 0n, payableMsat: 0n })
    })

    it('says what a client has bought and used', async () => {
      const job = finishedJob()
      const accountId = job.accountId as AccountId
      expect(await creditsOf(open(), accountId)).toEqual({ totalMsat: 0, usedMsat: 0 })
      await send(creditGranted({ accountId, reference: 'a', amount: 1000n }))
      await writeLedgerEvents(open(), batchOf([job]), FEE_BPS)
      expect(await creditsOf(open(), accountId)).toEqual({ totalMsat: 1000, usedMsat: 300 })
    })

    it('says what a client has used by day and model, whatever key and hour', async () => {
      const accountId = newAccountId(0)
      const job = (createdAt: string, costMsat: number, changes = {}) =>
        finishedJob({ accountId, createdAt: Date.parse(createdAt), costMsat, ...changes })
      const jobs = [
        job('2026-03-01T23:59:59Z', 1),
        job('2026-03-02T00:00:00Z', 10),
        job('2026-03-02T23:00:00Z', 20, { apiKeyId: 'fedcba9876543210' }),
        job('2026-03-02T12:00:00Z', 500, { model: 'dear' }),
        job('2026-03-03T12:00:00Z', 0, { status: 'expired' }),
      ]
      await writeLedgerEvents(open(), fundedBatch(jobs), FEE_BPS)
      const dear = usedOn('2026-03-02', 'dear', 1, 500)
      const rows = [dear, usedOn('2026-03-02', 'demo', 2, 30), usedOn('2026-03-01', 'demo', 1, 1)]
      const read = (since: string, limit = 9) =>
        usageByDay(open(), accountId, new Date(since), limit)
      expect(await read('2026-03-01')).toEqual(rows)
      expect(await read('2026-03-02')).toEqual(rows.slice(0, 2))
      expect(await read('2026-03-01', 1)).toEqual([dear])
      expect(await usageByDay(open(), newAccountId(0), new Date(0), 9)).toEqual([])
    })

    it('gives a statement, the latest line first, page by page', async () => {
      const accountId = newAccountId(0)
      const code = `client:${accountId}` as const
      for (let n = 1; n <= 5; n++) {
        await send(creditGranted({ accountId, reference: `${n}`, amount: BigInt(n) }))
      }
      const lines = await statementOf(open(), code)
      expect(lines.map(({ amountMsat }) => amountMsat)).toEqual([5n, 4n, 3n, 2n, 1n])
      expect(lines[0]).toEqual({
        id: expect.any(BigInt),
        key: `grant:${accountId}:5`,
        kind: 'grant',
        at: AT,
        amountMsat: 5n,
      })
      const page = await statementOf(open(), code, { limit: 2 })
      const next = await statementOf(open(), code, { limit: 9, before: page[1]!.id })
      expect([...page, ...next]).toEqual(lines)
      expect(await statementOf(open(), code, { limit: MAX_STATEMENT_LINES * 2 })).toEqual(lines)
      expect(await statementOf(open(), `client:${newAccountId(0)}`)).toEqual([])
    })

    it('has balances of accounts that are tracked, that are not, and that are unknown', async () => {
      expect(await balancesOf(open(), [])).toEqual(new Map())
      const unknown = `client:${newAccountId(0)}` as const
      const before = (await balancesOf(open(), ['equity:operator'])).get('equity:operator')!
      const accountId = newAccountId(0)
      await send(creditGranted({ accountId, reference: 'a', amount: 7n }))
      expect(await balancesOf(open(), ['equity:operator', `client:${accountId}`, unknown])).toEqual(
        new Map([
          ['equity:operator', before - 7n],
          [`client:${accountId}`, 7n],
          [unknown, 0n],
        ]),
      )
    })

    it('adds up, and shows an account that drifts', async () => {
      const { kinds, sumMsat, drifted } = await trialBalance(open())
      expect({ sumMsat, drifted }).toEqual({ sumMsat: 0n, drifted: [] })
      const names = kinds.map(({ kind }) => kind)
      expect(names).toEqual(expect.arrayContaining(['client', 'provider_pending', 'revenue:fee']))
      const unbalanced = sql`
        select journal_id::text from entries group by journal_id having sum(amount_msat) <> 0`
      expect(await askRows(open(), unbalanced)).toEqual([])

      const accountId = newAccountId(0)
      await send(creditGranted({ accountId, reference: 'a', amount: 7n }))
      const code = `client:${accountId}`
      const set = (balance: number) =>
        askRows(
          open(),
          sql`update ledger_accounts set balance = ${balance}::bigint where code = ${code}`,
        )
      await set(8)
      expect((await trialBalance(open())).drifted).toEqual([
        { account: code, balanceMsat: 8n, entriesMsat: 7n },
      ])
      await set(7)
    })
  })
}
