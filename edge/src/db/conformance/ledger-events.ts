import { randomBytes } from 'node:crypto'
import { asc, eq } from 'drizzle-orm'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bundleId, leaseOf, newAccountId, newJobId } from '@infernet/schemas/ids'
import type { JobRecord, LedgerBatch, PriorLeg } from '@infernet/schemas/job-record'
import { MAX_MSAT } from '@infernet/schemas/money'
import {
  earlierParts,
  entries,
  jobs,
  journal,
  ledgerAccounts,
  usage,
} from '@infernet/schemas/tables'
import { topUpSettled } from '@infernet/settlement/ledger/credit-events'
import { MAX_FEE_BPS, MIN_FEE_BPS } from '@infernet/settlement/ledger/fee'
import { jobCaptured } from '@infernet/settlement/ledger/job-events'
import { ask, type Database } from '@infernet/settlement/db/database'
import { DbError } from '@infernet/settlement/db/db-port'
import { MAX_LEDGER_EVENTS, writeLedgerEvents } from '../ledger-events.ts'
import { balancesOf, creditsOf } from '../ledger.ts'
import { post } from '@infernet/settlement/db/post'
import { batchOf, depositOf, FEE_BPS, finishedJob, fundedBatch } from './fixtures.ts'

const HOUR = 3_600_000

/** Everything stored for one account. */
async function storedFor(db: Database, accountId: string) {
  return {
    events: await db
      .select({
        key: journal.key,
        kind: journal.kind,
        at: journal.at,
        amountMsat: entries.amountMsat,
      })
      .from(ledgerAccounts)
      .innerJoin(entries, eq(entries.accountId, ledgerAccounts.id))
      .innerJoin(journal, eq(journal.id, entries.journalId))
      .where(eq(ledgerAccounts.code, `client:${accountId}`))
      .orderBy(asc(journal.id)),
    jobs: await db.select().from(jobs).where(eq(jobs.accountId, accountId)),
    usage: await db.select().from(usage).where(eq(usage.accountId, accountId)),
  }
}

/** What an event changed each account by. */
async function entriesOf(db: Database, key: string): Promise<Record<string, bigint>> {
  const rows = await db
    .select({ code: ledgerAccounts.code, amount: entries.amountMsat })
    .from(journal)
    .innerJoin(entries, eq(entries.journalId, journal.id))
    .innerJoin(ledgerAccounts, eq(ledgerAccounts.id, entries.accountId))
    .where(eq(journal.key, key))
  return Object.fromEntries(rows.map(({ code, amount }) => [code, amount]))
}

/** What must be the same of {@link storedFor} and {@link expected}: captures, jobs, and `requests cost` by model and hour. */
const summary = (rows: Awaited<ReturnType<typeof storedFor>>) => ({
  events: rows.events
    .filter(({ kind }) => kind === 'capture')
    .map((event) => `${event.key} ${event.amountMsat}`)
    .sort(),
  jobs: rows.jobs.map((job) => job.id).sort(),
  usage: new Map(
    rows.usage.map((row) => [
      `${row.model} ${row.hour.getTime()}`,
      `${row.requests} ${row.costMsat}`,
    ]),
  ),
})

function expected(accountId: string, sent: readonly JobRecord[]): ReturnType<typeof summary> {
  const own = sent.filter((job) => job.accountId === accountId)
  const byHour = Map.groupBy(
    own,
    (job) => `${job.model} ${Math.floor(job.createdAt / HOUR) * HOUR}`,
  )
  return {
    events: own
      .filter((job) => job.costMsat > 0)
      .map((job) => `cap:${job.id} ${-job.costMsat}`)
      .sort(),
    jobs: own.map((job) => job.id).sort(),
    usage: new Map(
      [...byHour].map(([hour, group]) => [
        hour,
        `${group.length} ${group.reduce((sum, job) => sum + job.costMsat, 0)}`,
      ]),
    ),
  }
}

export function testLedgerEvents(open: () => Database): void {
  const stored = (accountId: string) => storedFor(open(), accountId)
  const write = (batch: LedgerBatch, feeBps = FEE_BPS) => writeLedgerEvents(open(), batch, feeBps)

  describe('ledger events', () => {
    it('writes an event, its job and its share of usage', async () => {
      const job = finishedJob()
      expect(await write(fundedBatch([job]))).toBe(2)
      const grant = `grant:${job.accountId}:for ${job.id}`
      expect(await stored(job.accountId)).toEqual({
        events: [
          {
            key: `cap:${job.id}`,
            kind: 'capture',
            at: new Date(job.createdAt + 400),
            amountMsat: -300n,
          },
          { key: grant, kind: 'grant', at: new Date(job.createdAt), amountMsat: 300n },
        ],
        jobs: [
          {
            ...job,
            priorLegs: null,
            holdMsat: 500n,
            costMsat: 300n,
            feeBps: FEE_BPS,
            createdAt: new Date(job.createdAt),
            heldUntil: null,
            slashId: null,
            isForfeit: null,
            releasedAt: null,
          },
        ],
        usage: [
          {
            accountId: job.accountId,
            apiKeyId: job.apiKeyId,
            model: 'demo',
            hour: new Date(Math.floor(job.createdAt / HOUR) * HOUR),
            requests: 1,
            promptTokens: 10,
            completionTokens: 20,
            costMsat: 300n,
          },
        ],
      })
      expect(await entriesOf(open(), grant)).toEqual({
        [`client:${job.accountId}`]: 300n,
        'equity:operator': -300n,
      })
      expect(await entriesOf(open(), `cap:${job.id}`)).toEqual({
        [`client:${job.accountId}`]: -300n,
        'provider_pending:12D3KooWprovider': 297n,
        'revenue:fee': 3n,
      })
    })

    it('writes deposits, up to the largest amount', async () => {
      const accountId = newAccountId(0)
      const deposits = [depositOf(accountId, 'a', MAX_MSAT), depositOf(accountId, 'b', 1)]
      expect(await write(batchOf([], deposits))).toBe(2)
      expect(await write(batchOf([], deposits))).toBe(0)
      const { events, jobs: none } = await stored(accountId)
      expect(events.map((event) => event.amountMsat)).toEqual([BigInt(MAX_MSAT), 1n])
      expect(none).toEqual([])
    })

    it('takes a paid invoice for a top-up, which who watches invoices may have posted', async () => {
      const [accountId, other] = [newAccountId(0), newAccountId(0)]
      const [first, second] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')]
      const code = `client:${accountId}` as const
      await post(open(), topUpSettled({ paymentHash: first, to: code, amount: 7n }), new Date())
      const deposits = [first, second, 'x'].map((name) => depositOf(accountId, `inv:${name}`, 7))
      expect(await write(batchOf([], deposits))).toBe(2)
      expect(await entriesOf(open(), `inv:${second}`)).toEqual({ 'asset:ln': -7n, [code]: 7n })
      expect(await entriesOf(open(), `grant:${accountId}:inv:x`)).toMatchObject({ [code]: 7n })
      expect((await balancesOf(open(), [code])).get(code)).toBe(21n)
      const stolen = batchOf([], [depositOf(other, `inv:${first}`, 7)])
      await expect(write(stolen)).rejects.toMatchObject({ code: 'LD002' })
    })

    it('charges a bundle where its invoice was credited', async () => {
      const paymentHash = randomBytes(32).toString('hex')
      const code = `l402:${paymentHash}` as const
      await post(open(), topUpSettled({ paymentHash, to: code, amount: 1000n }), new Date())
      const job = finishedJob({ accountId: bundleId(paymentHash) })
      expect(await write(batchOf([job]))).toBe(1)
      expect(await write(batchOf([job]))).toBe(0)
      expect(await entriesOf(open(), `cap:${job.id}`)).toEqual({
        [code]: -300n,
        'provider_pending:12D3KooWprovider': 297n,
        'revenue:fee': 3n,
      })
      expect((await balancesOf(open(), [code])).get(code)).toBe(700n)
      const credits = await creditsOf(open(), bundleId(paymentHash))
      expect(credits).toEqual({ totalMsat: 1000, usedMsat: 300 })
    })

    it('posts what the pure rules say, for any legs and any fee', async () => {
      const legs = fc.array(
        fc.record({ provider: fc.constantFrom('P', 'Q', 'R'), gross: fc.nat(20_000) }),
        { minLength: 1, maxLength: 4 },
      )
      const feeBps = fc.integer({ min: MIN_FEE_BPS, max: MAX_FEE_BPS })
      await fc.assert(
        fc.asyncProperty(legs, feeBps, async (paid, bps) => {
          const id = newJobId(0)
          const priorLegs: PriorLeg[] = paid.slice(0, -1).map(({ provider, gross }, n) => ({
            providerId: provider,
            lease: leaseOf(id, n + 1),
            promptTokens: 1,
            completionTokens: 1,
            claimedTokens: 1,
            costMsat: gross,
          }))
          const costMsat = paid.reduce((sum, { gross }) => sum + gross, 0)
          const job = finishedJob({ id, costMsat, priorLegs, providerId: paid.at(-1)!.provider })
          await write(fundedBatch([job]), bps)
          const posting = jobCaptured({
            id: job.id,
            payer: `client:${job.accountId}`,
            legs: paid.map((leg) => ({ ...leg, gross: BigInt(leg.gross) })),
            feeBps: bps,
          })
          expect(await entriesOf(open(), `cap:${job.id}`)).toEqual(
            Object.fromEntries((posting?.entries ?? []).map((e) => [e.account, e.amount])),
          )
          const { jobs: rows } = await stored(job.accountId)
          expect(rows).toMatchObject([{ id: job.id, feeBps: bps }])
          const parts = await ask(
            open()
              .select()
              .from(earlierParts)
              .where(eq(earlierParts.jobId, job.id))
              .orderBy(asc(earlierParts.lease)),
          )
          expect(parts).toMatchObject(
            priorLegs.map(({ providerId, lease, costMsat: gross }) => ({
              providerId,
              lease,
              accountId: job.accountId,
              model: job.model,
              feeBps: bps,
              costMsat: BigInt(gross),
              createdAt: new Date(job.createdAt),
            })),
          )
        }),
        { numRuns: 25 },
      )
    })

    it('keeps the fee that a job was posted with, whatever it is when it is sent again', async () => {
      const job = finishedJob()
      await write(fundedBatch([job]), 50)
      expect(await write(fundedBatch([job]), 200)).toBe(0)
      expect(await entriesOf(open(), `cap:${job.id}`)).toMatchObject({ 'revenue:fee': 2n })
      expect((await stored(job.accountId)).jobs).toMatchObject([{ feeBps: 50 }])
    })

    it('refuses a job that was posted with another cost, or for another account', async () => {
      const job = finishedJob()
      await write(fundedBatch([job]))
      const forged = [
        { ...job, costMsat: 299 },
        { ...job, accountId: newAccountId(0) },
      ]
      for (const other of forged) {
        await expect(write(fundedBatch([other]))).rejects.toMatchObject({ code: 'LD002' })
      }
      expect(summary(await stored(job.accountId))).toEqual(expected(job.accountId, [job]))
    })

    it('refuses to take what an account does not have, and takes it once it has', async () => {
      const job = finishedJob()
      const uncovered = { code: '23514', constraint: 'ledger_accounts_covered' }
      const short = [depositOf(job.accountId, 'short', job.costMsat - 1)]
      await expect(write(batchOf([job], short))).rejects.toMatchObject(uncovered)
      expect(await stored(job.accountId)).toEqual({ events: [], jobs: [], usage: [] })
      expect(await write(fundedBatch([job]))).toBe(2)
    })

    it('posts nothing for a job that cost nothing, and knows it all the same', async () => {
      const job = finishedJob({ costMsat: 0 })
      expect(await write(batchOf([job]))).toBe(1)
      expect(await write(batchOf([job]))).toBe(0)
      expect(await stored(job.accountId)).toMatchObject({ events: [], usage: [{ requests: 1 }] })
    })

    it('is written once by as many as send it at once', async () => {
      const accountId = newAccountId(0)
      const batch = fundedBatch(Array.from({ length: 20 }, () => finishedJob({ accountId })))
      const written = await Promise.all(Array.from({ length: 12 }, () => write(batch)))
      expect(written.toSorted((a, b) => b - a)).toEqual([
        40,
        ...Array.from({ length: 11 }, () => 0),
      ])
      const code = `client:${accountId}` as const
      expect((await balancesOf(open(), [code])).get(code)).toBe(0n)
    })

    it('counts failed and cancelled requests but not expired jobs', async () => {
      const accountId = newAccountId(0)
      const statuses: JobRecord['status'][] = ['completed', 'cancelled', 'failed', 'expired']
      const ended = statuses.map((status) =>
        finishedJob(
          status === 'failed' || status === 'expired'
            ? {
                accountId,
                status,
                promptTokens: 0,
                completionTokens: 0,
                costMsat: 0,
                lease: null,
                firstByteMs: null,
              }
            : { accountId, status },
        ),
      )
      await write(fundedBatch(ended))
      const { jobs: rows, usage: sums } = await stored(accountId)
      expect(rows).toHaveLength(4)
      expect(sums).toMatchObject([
        { requests: 3, promptTokens: 20, completionTokens: 40, costMsat: 600n },
      ])
    })

    it('is exact however batches overlap, repeat and double their events', async () => {
      const shape = fc.array(
        fc.record({
          model: fc.constantFrom('a', 'b'),
          hour: fc.nat(1),
          costMsat: fc.nat(1000),
          account: fc.nat(1),
        }),
        { minLength: 1, maxLength: 12 },
      )
      const batches = fc.array(fc.array(fc.nat(11), { maxLength: 16 }), {
        minLength: 1,
        maxLength: 5,
      })
      await fc.assert(
        fc.asyncProperty(shape, batches, async (shapes, picks) => {
          const accounts = [newAccountId(0), newAccountId(0)]
          const ended = shapes.map(({ model, hour, costMsat, account }) =>
            finishedJob({
              accountId: accounts[account]!,
              model,
              costMsat,
              createdAt: hour * HOUR,
            }),
          )
          const sent = new Map<string, JobRecord>()
          for (const pick of picks) {
            const batch = pick.map((index) => ended[index % ended.length]!)
            const fresh = new Set(batch.map(({ id }) => id).filter((id) => !sent.has(id)))
            // Only the first sight of a job brings its deposit.
            const funded = batch.filter(({ id, costMsat }) => fresh.has(id) && costMsat > 0)
            const { deposits } = fundedBatch([...new Set(funded)])
            const fed = fresh.size + deposits.length
            expect(await write(batchOf(batch, deposits))).toBe(fed)
            for (const job of batch) sent.set(job.id, job)
          }
          for (const accountId of accounts) {
            expect(summary(await stored(accountId))).toEqual(
              expected(accountId, [...sent.values()]),
            )
          }
        }),
        { numRuns: 15 },
      )
    })

    it('is exact when several writers send overlapping batches at once', async () => {
      const accountId = newAccountId(0)
      const ended = Array.from({ length: 60 }, (_, n) =>
        finishedJob({ accountId, model: `m${n % 3}` }),
      )
      const batches = Array.from({ length: 8 }, (_, n) => ended.slice(n * 5, n * 5 + 25))
      batches.push(ended.toReversed(), ended)
      await write(batchOf([], fundedBatch(ended).deposits))
      const written = await Promise.all(batches.map((batch) => write(batchOf(batch))))
      expect(written.reduce((total, count) => total + count, 0)).toBe(60)
      expect(summary(await stored(accountId))).toEqual(expected(accountId, ended))
    })

    it('writes all of a batch or none of it', async () => {
      const good = finishedJob()
      const bad = { ...finishedJob({ accountId: good.accountId }), totalMs: 2 ** 31 }
      await expect(write(fundedBatch([good, bad]))).rejects.toBeInstanceOf(DbError)
      expect(await stored(good.accountId)).toEqual({ events: [], jobs: [], usage: [] })
      expect(await write(fundedBatch([good]))).toBe(2)
    })

    it('stores what Postgres can hold of text from strangers', async () => {
      const job = finishedJob({
        finishReason: 'a\0b\\u0000\ud800c',
        model: "'; drop table jobs; --",
      })
      await write(fundedBatch([job]))
      const { jobs: rows } = await stored(job.accountId)
      expect(rows).toMatchObject([{ finishReason: 'ab\\u0000\ufffdc', model: job.model }])
    })

    it('keeps what a record says of its legs and its answer', async () => {
      const priorLegs = [
        {
          providerId: 'peer',
          lease: 'lease',
          promptTokens: 1,
          completionTokens: 2,
          claimedTokens: 3,
          costMsat: 4,
        },
      ]
      const job = finishedJob({ priorLegs, generationId: 'gen-1', endpoint: 'embeddings' })
      await write(fundedBatch([job]))
      const { jobs: rows } = await stored(job.accountId)
      expect(rows).toMatchObject([{ priorLegs, generationId: 'gen-1', endpoint: 'embeddings' }])
    })

    it('takes records of the version before this one, which an outbox may still hold', async () => {
      const { endpoint: _, generationId: __, priorLegs: ___, ...old } = finishedJob()
      const deposits = [depositOf(old.accountId, 'a', old.costMsat)]
      expect(await write({ deposits, records: [JSON.stringify(old)] })).toBe(2)
      const { jobs: rows } = await stored(old.accountId)
      expect(rows).toMatchObject([
        { id: old.id, endpoint: 'chat.completions', generationId: null, priorLegs: null },
      ])
    })

    it('takes an empty batch and a full one, and refuses a larger one', async () => {
      const accountId = newAccountId(0)
      const full = Array.from({ length: MAX_LEDGER_EVENTS }, () => finishedJob({ accountId }))
      expect(await write(batchOf([]))).toBe(0)
      await write(batchOf([], fundedBatch(full).deposits))
      expect(await write(batchOf(full))).toBe(MAX_LEDGER_EVENTS)
      const larger = batchOf(full, [depositOf(accountId, 'x', 1)])
      await expect(write(larger)).rejects.toThrow(RangeError)
    })
  })
}
