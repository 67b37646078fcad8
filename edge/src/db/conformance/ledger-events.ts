import { eq } from 'drizzle-orm'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newAccountId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import { MAX_MSAT } from '@infernet/schemas/money'
import { jobs, ledgerEvents, usage } from '@infernet/schemas/tables'
import type { Database } from '../database.ts'
import { DbError } from '../db-port.ts'
import { MAX_LEDGER_EVENTS, writeLedgerEvents } from '../ledger-events.ts'
import { batchOf, depositOf, finishedJob } from './fixtures.ts'

const HOUR = 3_600_000

/** Everything stored for one account. */
async function storedFor(db: Database, accountId: string) {
  return {
    events: await db
      .select()
      .from(ledgerEvents)
      .where(eq(ledgerEvents.accountId, accountId))
      .orderBy(ledgerEvents.id),
    jobs: await db.select().from(jobs).where(eq(jobs.accountId, accountId)),
    usage: await db.select().from(usage).where(eq(usage.accountId, accountId)),
  }
}

/** What must be the same of {@link storedFor} and {@link expected}: keys, jobs, and `requests cost` by model and hour. */
const summary = (rows: Awaited<ReturnType<typeof storedFor>>) => ({
  events: rows.events.map((event) => event.idempotencyKey).sort(),
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
    events: own.map((job) => `job:${job.id}`).sort(),
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

  describe('ledger events', () => {
    it('writes an event, its job and its share of usage', async () => {
      const job = finishedJob()
      expect(await writeLedgerEvents(open(), batchOf([job]))).toBe(1)
      expect(await stored(job.accountId)).toEqual({
        events: [
          {
            id: expect.any(BigInt),
            accountId: job.accountId,
            idempotencyKey: `job:${job.id}`,
            kind: 'capture',
            amountMsat: -300n,
            happenedAt: new Date(job.createdAt + 400),
          },
        ],
        jobs: [
          {
            ...job,
            priorLegs: null,
            holdMsat: 500n,
            costMsat: 300n,
            createdAt: new Date(job.createdAt),
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
    })

    it('writes deposits, up to the largest amount', async () => {
      const accountId = newAccountId(0)
      const deposits = [depositOf(accountId, 'a', MAX_MSAT), depositOf(accountId, 'b', 1)]
      expect(await writeLedgerEvents(open(), batchOf([], deposits))).toBe(2)
      expect(await writeLedgerEvents(open(), batchOf([], deposits))).toBe(0)
      const { events, jobs: none } = await stored(accountId)
      expect(events.map((event) => event.amountMsat)).toEqual([BigInt(MAX_MSAT), 1n])
      expect(none).toEqual([])
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
      await writeLedgerEvents(open(), batchOf(ended))
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
            expect(await writeLedgerEvents(open(), batchOf(batch))).toBe(fresh.size)
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
      const written = await Promise.all(
        batches.map((batch) => writeLedgerEvents(open(), batchOf(batch))),
      )
      expect(written.reduce((total, count) => total + count, 0)).toBe(60)
      expect(summary(await stored(accountId))).toEqual(expected(accountId, ended))
    })

    it('writes all of a batch or none of it', async () => {
      const good = finishedJob()
      const bad = { ...finishedJob({ accountId: good.accountId }), totalMs: 2 ** 31 }
      await expect(
        writeLedgerEvents(open(), batchOf([good, bad], [depositOf(good.accountId, 'a', 1)])),
      ).rejects.toBeInstanceOf(DbError)
      expect(await stored(good.accountId)).toEqual({ events: [], jobs: [], usage: [] })
      expect(await writeLedgerEvents(open(), batchOf([good]))).toBe(1)
    })

    it('stores what Postgres can hold of text from strangers', async () => {
      const job = finishedJob({
        finishReason: 'a\0b\\u0000\ud800c',
        model: "'; drop table jobs; --",
      })
      await writeLedgerEvents(open(), batchOf([job]))
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
      await writeLedgerEvents(open(), batchOf([job]))
      const { jobs: rows } = await stored(job.accountId)
      expect(rows).toMatchObject([{ priorLegs, generationId: 'gen-1', endpoint: 'embeddings' }])
    })

    it('takes records of the version before this one, which an outbox may still hold', async () => {
      const { endpoint: _, generationId: __, priorLegs: ___, ...old } = finishedJob()
      const batch = { deposits: [], records: [JSON.stringify(old)] }
      expect(await writeLedgerEvents(open(), batch)).toBe(1)
      const { jobs: rows } = await stored(old.accountId)
      expect(rows).toMatchObject([
        { id: old.id, endpoint: 'chat.completions', generationId: null, priorLegs: null },
      ])
    })

    it('takes an empty batch and a full one, and refuses a larger one', async () => {
      const accountId = newAccountId(0)
      const full = Array.from({ length: MAX_LEDGER_EVENTS }, () => finishedJob({ accountId }))
      expect(await writeLedgerEvents(open(), batchOf([]))).toBe(0)
      expect(await writeLedgerEvents(open(), batchOf(full))).toBe(MAX_LEDGER_EVENTS)
      const larger = batchOf(full, [depositOf(accountId, 'x', 1)])
      await expect(writeLedgerEvents(open(), larger)).rejects.toThrow(RangeError)
    })
  })
}
