import { asc, eq, sql } from 'drizzle-orm'
import * as fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { leaseOf, newAccountId, newJobId } from '@infernet/schemas/ids'
import type { PriorLeg } from '@infernet/schemas/job-record'
import { audits, providerConduct, slashes } from '@infernet/schemas/audit-tables'
import { accountTransfers } from '@infernet/schemas/settlement-tables'
import {
  earlierParts,
  entries,
  jobs,
  journal,
  ledgerAccounts,
  providers,
} from '@infernet/schemas/tables'
import { releasableMsat } from '@infernet/verification/reputation/holdback'
import { slash } from '@infernet/verification/reputation/slash'
import { ask, askRows, type Database } from '../db/database.ts'
import { DbError } from '../db/db-port.ts'
import { post } from '../db/post.ts'
import { creditGranted } from '../ledger/credit-events.ts'
import { MAX_FEE_BPS, MIN_FEE_BPS, splitFee } from '../ledger/fee.ts'
import {
  jobCaptured,
  verdictBad,
  verdictForfeited,
  verdictOk,
  type JudgedLease,
} from '../ledger/job-events.ts'
import type { Posting } from '../ledger/posting.ts'
import { carryOutSlash } from './carry-out-slash.ts'
import { MAX_RELEASED_PARTS, nextUnreleased, releaseParts, type Released } from './release-parts.ts'

const FEE_BPS = 100
const HOUR = 3_600_000
const NOTHING = { parts: 0, msat: 0n }
const AT_ONCE = { holdMs: 0, newcomerHoldMs: 0, newcomerMs: 0 }

interface Leg {
  /** Null for what the platform gave by itself. */
  readonly provider: string | null
  readonly gross: number
}

/** A captured job with these legs, in the journal and in its row; what the rules call its leases. */
export async function captured(
  db: Database,
  legs: readonly Leg[],
  feeBps = FEE_BPS,
  heldUntil: Date | null = null,
  createdAt = Date.now(),
) {
  const [id, accountId] = [newJobId(createdAt), newAccountId(Date.now())]
  const judged = legs.map((leg, n) => ({ ...leg, lease: leaseOf(id, n + 1) }))
  const cost = legs.reduce((sum, { gross }) => sum + gross, 0)
  const known = judged.flatMap(({ provider, gross }) =>
    provider === null ? [] : [{ provider, gross: BigInt(gross) }],
  )
  const payer = `client:${accountId}` as const
  const capture = jobCaptured({ id, payer, legs: known, feeBps })
  if (capture !== undefined) {
    await post(db, creditGranted({ accountId, reference: id, amount: BigInt(cost) }), new Date())
    await post(db, capture, new Date())
  }
  const last = judged.at(-1)
  const priorLegs: PriorLeg[] = judged.slice(0, -1).map(({ provider, gross, lease }) => ({
    promptTokens: 1,
    completionTokens: 1,
    claimedTokens: 1,
    providerId: provider ?? '',
    lease,
    costMsat: gross,
  }))
  await ask(
    db.insert(jobs).values({
      id,
      accountId,
      apiKeyId: 'key',
      requestId: 'req',
      model: 'demo',
      stream: false,
      status: 'completed',
      attempts: legs.length,
      totalMs: 1,
      createdAt: new Date(createdAt),
      promptTokens: 1,
      completionTokens: 1,
      claimedTokens: 1,
      holdMsat: BigInt(cost),
      costMsat: BigInt(cost),
      feeBps,
      heldUntil,
      providerId: last?.provider,
      lease: last?.lease,
      priorLegs: priorLegs.length === 0 ? null : sql`${JSON.stringify(priorLegs)}::jsonb`,
    }),
  )
  for (const { providerId, lease, costMsat } of priorLegs)
    await ask(
      db.insert(earlierParts).values({
        lease,
        jobId: id,
        accountId,
        providerId,
        model: 'demo',
        feeBps,
        heldUntil,
        costMsat: BigInt(costMsat),
        createdAt: new Date(createdAt),
      }),
    )
  const leases = judged.flatMap(({ provider, gross, lease }): JudgedLease[] =>
    provider === null ? [] : [{ lease, provider, gross: BigInt(gross), feeBps }],
  )
  return { id, accountId, payer, leases }
}

/** The verdict on a part of a job's answer, as a rule the last. */
export async function audited(
  db: Database,
  { id, leases }: Awaited<ReturnType<typeof captured>>,
  verdict: 'pass' | 'fail',
  n = -1,
): Promise<void> {
  const { lease = '', provider = '' } = leases.at(n) ?? {}
  const subject = { lease, jobId: id, providerId: provider, model: 'demo', spec: 'spec' }
  const how = { epoch: 0, rate: 1, verdict, logE: 0, report: {}, judgedAt: new Date() }
  await ask(db.insert(audits).values({ ...subject, ...how }))
}

/** What an event changed each account by; undefined when there is none. */
export async function entriesOf(db: Database, key: string) {
  const rows = await ask(
    db
      .select({ code: ledgerAccounts.code, amount: entries.amountMsat })
      .from(journal)
      .innerJoin(entries, eq(entries.journalId, journal.id))
      .innerJoin(ledgerAccounts, eq(ledgerAccounts.id, entries.accountId))
      .where(eq(journal.key, key))
      .orderBy(asc(ledgerAccounts.code)),
  )
  return rows.length === 0 ? undefined : Object.fromEntries(rows.map((r) => [r.code, r.amount]))
}

export const shown = (posting: Posting | undefined) =>
  posting && Object.fromEntries(posting.entries.map(({ account, amount }) => [account, amount]))

const twoLegs = (name: string): Leg[] => [
  { provider: `12D3KooW${name}first${Date.now()}`, gross: 500 },
  { provider: `12D3KooW${name}last${Date.now()}`, gross: 300 },
]

/** The release of earnings against the pure rules, on a real database. */
export function testReleases(open: () => Database): void {
  const releasedAt = async (id: string) => {
    const [row] = await ask(open().select().from(jobs).where(eq(jobs.id, id)))
    return row?.releasedAt ?? undefined
  }

  describe('releasing earnings', () => {
    beforeAll(async () => {
      // Jobs of other suites, captured or made up.
      for (const table of [jobs, earlierParts])
        await askRows(
          open(),
          sql`update ${table} set released_at = now() where released_at is null`,
        )
      await askRows(open(), sql`update slashes set state = 'final' where state <> 'lifted'`)
    })

    it('posts what the pure rules say, for any legs and any fee', async () => {
      const provider = fc.constantFrom('P', 'Q', 'R').map((name) => `12D3KooWrelease${name}`)
      const legs = fc.array(fc.record({ provider, gross: fc.nat(20_000) }), {
        minLength: 1,
        maxLength: 4,
      })
      const feeBps = fc.integer({ min: MIN_FEE_BPS, max: MAX_FEE_BPS })
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(legs, feeBps), { maxLength: 4 }), async (plan) => {
          const made = []
          for (const [paid, bps] of plan) made.push(await captured(open(), paid, bps))
          const all = made.flatMap(({ leases }) => leases)
          const costly = plan.filter(([paid]) => paid.some(({ gross }) => gross > 0))
          const expected = all.map((judged) => verdictOk(judged))
          expect(await releaseParts(open(), MAX_RELEASED_PARTS, AT_ONCE)).toEqual({
            // Whoever ended an answer has a row, whatever it gave.
            parts: costly.flatMap(([paid]) =>
              paid.filter(({ gross }, n) => gross > 0 || n === paid.length - 1),
            ).length,
            msat: expected.reduce((sum, one) => sum + (one?.entries[1]?.amount ?? 0n), 0n),
          })
          for (const [n, judged] of all.entries()) {
            const posted = expected[n]?.entries.map(({ account, amount }) => [account, amount])
            expect(await entriesOf(open(), `ver:${judged.lease}`)).toEqual(
              posted && Object.fromEntries(posted),
            )
          }
        }),
        { numRuns: 12 },
      )
    })

    it('releases a job once, however often it is asked to and by how many', async () => {
      const { id, leases } = await captured(open(), [{ provider: '12D3KooWonce', gross: 1000 }])
      const many = await Promise.all(
        Array.from({ length: 5 }, () => releaseParts(open(), 10, AT_ONCE)),
      )
      expect(many.filter((released) => released.parts > 0)).toEqual([{ parts: 1, msat: 990n }])
      expect(await releasedAt(id)).toBeInstanceOf(Date)
      expect(await entriesOf(open(), `ver:${leases[0]!.lease}`)).toEqual({
        'provider:12D3KooWonce': 990n,
        'provider_pending:12D3KooWonce': -990n,
      })
    })

    it('leaves alone what was judged before, and what no provider gave', async () => {
      const judged = await captured(open(), [
        { provider: '12D3KooWbad', gross: 500 },
        { provider: '12D3KooWgood', gross: 300 },
      ])
      await post(open(), verdictBad(judged.leases[0]!, judged.payer)!, new Date())
      const nobody = await captured(open(), [{ provider: null, gross: 70 }])
      expect(await releaseParts(open(), 10, AT_ONCE)).toEqual({ parts: 3, msat: 297n })
      expect(await releasedAt(nobody.id)).toBeInstanceOf(Date)
      expect(await entriesOf(open(), `ver:${judged.leases[0]!.lease}`)).toMatchObject({
        [judged.payer]: 500n,
      })
    })

    it('waits for the audit of a job, as long as it may take', async () => {
      const provider = '12D3KooWheld'
      const inAnHour = new Date(Date.now() + 3_600_000)
      const held = await captured(open(), [{ provider, gross: 1000 }], FEE_BPS, inAnHour)
      const late = await captured(open(), [{ provider, gross: 500 }], FEE_BPS, new Date(0))
      expect(await releaseParts(open(), 10, AT_ONCE)).toEqual({ parts: 1, msat: 495n })
      expect(await releasedAt(late.id)).toBeInstanceOf(Date)
      expect(await releasedAt(held.id)).toBeUndefined()
      await audited(open(), held, 'pass')
      expect(await releaseParts(open(), 10, AT_ONCE)).toEqual({ parts: 1, msat: 990n })
    })

    it('gives back what an audit has found wrong, the fee included, once', async () => {
      const provider = '12D3KooWcheat'
      const inAnHour = new Date(Date.now() + 3_600_000)
      const bad = await captured(open(), [{ provider, gross: 1000 }], FEE_BPS, inAnHour)
      const good = await captured(open(), [{ provider, gross: 70 }])
      await audited(open(), bad, 'fail')
      const many = await Promise.all(
        Array.from({ length: 4 }, () => releaseParts(open(), 10, AT_ONCE)),
      )
      const sum = (of: (released: Released) => number): number =>
        many.reduce((total, released) => total + of(released), 0)
      expect([sum(({ parts }) => parts), sum(({ msat }) => Number(msat))]).toEqual([2, 69])
      const [judged] = bad.leases
      const expected = verdictBad(judged!, bad.payer)!.entries
      expect(await entriesOf(open(), `ver:${judged!.lease}`)).toEqual(
        Object.fromEntries(expected.map(({ account, amount }) => [account, amount])),
      )
      expect(await entriesOf(open(), `ver:${good.leases[0]!.lease}`)).toMatchObject({
        [`provider:${provider}`]: 69n,
      })
      const told = await ask(
        open().select().from(accountTransfers).where(eq(accountTransfers.accountId, bad.accountId)),
      )
      expect(told).toMatchObject([
        { reference: `ver:${judged!.lease}`, amountMsat: 1000n, state: 'pending' },
      ])
      await askRows(open(), sql`delete from account_transfers where account_id = ${bad.accountId}`)
    })

    it('holds back what no audit has found good, half of a newcomer’s for longer', async () => {
      const policy = { holdMs: 1_000 * HOUR, newcomerHoldMs: 2_000 * HOUR, newcomerMs: 100 * HOUR }
      const [old, young] = ['old', 'young'].map((name) => `12D3KooWkept${name}${Date.now()}`)
      const firstSeen = Date.now() - 1_600 * HOUR
      for (const [id, seen] of [
        [old, 0],
        [young, firstSeen],
      ] as const)
        await ask(
          open()
            .insert(providers)
            .values({ id: id!, capability: sql`'{}'::jsonb`, firstSeenAt: new Date(seen) }),
        )
      const plan = Array.from({ length: 12 }, (_, n) => ({
        provider: n % 2 ? old! : young!,
        age: n,
      }))
      const made = []
      for (const { provider, age } of plan) {
        // Six above a thousand hours, within the newcomer's hundred, and six below.
        const hours = age < 6 ? 1_550 + age : 900 + age
        const at = Date.now() - hours * HOUR
        const job = await captured(open(), [{ provider, gross: 100 }], FEE_BPS, null, at)
        made.push({ id: job.id, provider, at })
      }
      await releaseParts(open(), 100, policy)
      for (const { id, provider, at } of made) {
        const earning = {
          netMsat: 2n,
          earnedAt: at,
          firstEarnedAt: provider === old ? 0 : firstSeen,
        }
        const situation = { now: Date.now(), auditLagMs: 0, isSuspect: false }
        const releasable = releasableMsat(earning, situation, policy)
        // Of two jobs one stands for the half that may go.
        const isReleased = releasable === 2n || (releasable === 1n && /[02468ace]$/.test(id))
        expect((await releasedAt(id)) !== undefined, `${id} of ${provider}`).toBe(isReleased)
      }
      expect(await releasedAt(made.at(-1)!.id)).toBeUndefined()
      expect((await releaseParts(open(), 100, AT_ONCE)).parts).toBeGreaterThanOrEqual(6)
    })

    it('pays at once what an audit has found good, and nothing while a provider is suspected', async () => {
      const provider = `12D3KooWsuspect${Date.now()}`
      const policy = { ...AT_ONCE, holdMs: HOUR }
      const standing = (now: 'watched' | 'suspended' | 'banned') =>
        ask(
          open()
            .insert(providerConduct)
            .values({ providerId: provider, standing: now, since: new Date(), offences: 0 })
            .onConflictDoUpdate({ target: providerConduct.providerId, set: { standing: now } }),
        )
      const inAnHour = new Date(Date.now() + HOUR)
      const good = () => captured(open(), [{ provider, gross: 100 }], FEE_BPS, inAnHour)
      const first = await good()
      await audited(open(), first, 'pass')
      expect(await releaseParts(open(), 10, policy)).toEqual({ parts: 1, msat: 99n })
      const plain = await captured(open(), [{ provider, gross: 100 }])
      const second = await good()
      await audited(open(), second, 'pass')
      await standing('suspended')
      expect(await releaseParts(open(), 10, AT_ONCE)).toEqual({ parts: 0, msat: 0n })
      await standing('watched')
      expect(await releaseParts(open(), 10, AT_ONCE)).toEqual({ parts: 1, msat: 99n })
      expect(await releasedAt(plain.id)).toBeUndefined()
      await standing('banned')
      expect(await releaseParts(open(), 10, AT_ONCE)).toEqual({ parts: 1, msat: 99n })
    })

    describe('of an answer that two have given', () => {
      const hold = { ...AT_ONCE, holdMs: HOUR }
      type Job = Awaited<ReturnType<typeof captured>>
      const posted = ({ leases }: Job) =>
        Promise.all(leases.map(({ lease }) => entriesOf(open(), `ver:${lease}`)))
      const suspect = async ({ leases }: Job, n: number, isBad: boolean) => {
        const providerId = leases[n]!.provider
        if (!isBad)
          return ask(
            open().delete(providerConduct).where(eq(providerConduct.providerId, providerId)),
          )
        const conduct = { standing: 'suspended' as const, since: new Date(), offences: 0 }
        await ask(
          open()
            .insert(providerConduct)
            .values({ providerId, ...conduct }),
        )
      }

      it.each([
        [0, 'pass'],
        [0, 'fail'],
        [1, 'pass'],
        [1, 'fail'],
      ] as const)('does at once what is said of part %s: %s', async (n, verdict) => {
        const job = await captured(
          open(),
          twoLegs(`${verdict}${n}`),
          FEE_BPS,
          new Date(Date.now() + HOUR),
        )
        const judged = job.leases[n]!
        await audited(open(), job, verdict, n)
        if (verdict === 'fail') await suspect(job, n, true)
        const many = await Promise.all([1, 2, 3].map(() => releaseParts(open(), 10, hold)))
        const done = verdict === 'pass' ? verdictOk(judged) : verdictBad(judged, job.payer)
        const expected = [shown(undefined), shown(undefined)]
        expected[n] = shown(done)
        expect(many.filter(({ parts }) => parts > 0)).toHaveLength(1)
        expect(await posted(job)).toEqual(expected)

        // The other part waits for its own audit, and then for nobody but its own provider.
        expect(await releaseParts(open(), 10, AT_ONCE)).toEqual(NOTHING)
        for (const table of [jobs, earlierParts])
          await askRows(
            open(),
            sql`update ${table} set held_until = null where released_at is null`,
          )
        expect(await releaseParts(open(), 10, hold)).toEqual(NOTHING)
        expect(await releaseParts(open(), 10, AT_ONCE)).toMatchObject({ parts: 1 })
        const other = job.leases[1 - n]!
        expect(await entriesOf(open(), `ver:${other.lease}`)).toEqual(shown(verdictOk(other)))
        if (verdict === 'fail') await suspect(job, n, false)
        await askRows(
          open(),
          sql`delete from account_transfers where account_id = ${job.accountId}`,
        )
      })

      it.each([0, 1])(
        'keeps part %s while its provider is suspected, and pays the other',
        async (n) => {
          const job = await captured(open(), twoLegs(`suspect${n}`))
          await suspect(job, n, true)
          expect(await releaseParts(open(), 10, AT_ONCE)).toMatchObject({ parts: 1 })
          expect((await posted(job))[n]).toBeUndefined()
          await suspect(job, n, false)
          expect(await releaseParts(open(), 10, AT_ONCE)).toMatchObject({ parts: 1 })
          expect(await posted(job)).toEqual(job.leases.map((one) => shown(verdictOk(one))))
        },
      )
    })

    it('gives back what a slash undoes, and keeps what it takes beside', async () => {
      const provider = `12D3KooWslashed${Date.now()}`
      const since = Date.now() - 50 * HOUR
      const earned = async (gross: number, hours: number) =>
        captured(open(), [{ provider, gross }], FEE_BPS, null, Date.now() - hours * HOUR)
      const before = [await earned(700, 60), await earned(900, 59), await earned(5_000, 58)]
      const affected = [await earned(1_000, 40), await earned(300, 20)]
      const mixed = await captured(open(), [
        { provider: '12D3KooWfairer', gross: 500 },
        { provider, gross: 30 },
      ])
      const begun = await captured(open(), [
        { provider, gross: 40 },
        { provider: '12D3KooWfairer', gross: 200 },
      ])
      const id = `slash_${provider}`
      const slashed = { id, providerId: provider, spec: 's', model: 'demo', lease: 'l' }
      const evidence = { evidenceSha256: 'e', evidence: '{}', isOpen: false }
      const opened = { openedAt: new Date(), appealUntil: new Date(Date.now() + HOUR) }
      const row = { ...slashed, ...evidence, ...opened, affectedFrom: new Date(since) }
      await ask(
        open()
          .insert(slashes)
          .values({ ...row, state: 'open' }),
      )
      const conduct = { providerId: provider, standing: 'slashed' as const, since: new Date() }
      await ask(
        open()
          .insert(providerConduct)
          .values({ ...conduct, offences: 1, slashId: id }),
      )
      expect(await carryOutSlash(open())).toBeUndefined()
      // What others gave in the same answers is theirs.
      expect(await releaseParts(open(), 10, AT_ONCE)).toEqual({ parts: 2, msat: 693n })

      await ask(open().update(slashes).set({ state: 'due' }).where(eq(slashes.id, id)))
      const many = await Promise.all([carryOutSlash(open()), carryOutSlash(open())])
      const jobsOf = [...affected, mixed, begun].map((job) => ({
        job: job.id,
        client: job.accountId,
        ...splitFee(job === mixed ? 30n : job.leases[0]!.gross, FEE_BPS),
      }))
      const rule = slash(
        jobsOf.map(({ net, fee, ...one }) => ({ ...one, netMsat: net, feeMsat: fee })),
        { affectedHeldMsat: 10_000n, otherHeldMsat: 693n + 891n, bondMsat: 0n },
      )
      // The third does not fit into what is taken, and no part of a job is.
      const kept = 693n + 891n
      expect(rule.operatorKeepsMsat).toBeGreaterThanOrEqual(kept)
      expect(many.filter((one) => one !== undefined)).toEqual([
        { id, provider, refundedMsat: 1_370n, forfeitedMsat: kept },
      ])
      // What it may keep waits, as long as it is watched.
      expect(await releaseParts(open(), 10, AT_ONCE)).toEqual({ parts: 6, msat: 0n })
      expect(await releasedAt(before[2]!.id)).toBeUndefined()
      for (const { leases, payer } of affected)
        expect(await entriesOf(open(), `ver:${leases[0]!.lease}`)).toEqual(
          shown(verdictBad(leases[0]!, payer)),
        )
      for (const { leases } of before.slice(0, 2))
        expect(await entriesOf(open(), `ver:${leases[0]!.lease}`)).toEqual(
          shown(verdictForfeited(leases[0]!)),
        )
      const [fair, foul] = mixed.leases
      expect(await entriesOf(open(), `ver:${fair!.lease}`)).toEqual(shown(verdictOk(fair!)))
      expect(await entriesOf(open(), `ver:${foul!.lease}`)).toEqual(
        shown(verdictBad(foul!, mixed.payer)),
      )
      expect(await entriesOf(open(), `ver:${begun.leases[0]!.lease}`)).toEqual(
        shown(verdictBad(begun.leases[0]!, begun.payer)),
      )
      const [after] = await ask(
        open().select().from(providerConduct).where(eq(providerConduct.providerId, provider)),
      )
      expect(after).toMatchObject({ standing: 'watched', offences: 1, slashId: null })
      await askRows(open(), sql`delete from account_transfers where reference like 'ver:%'`)
      await ask(open().delete(providerConduct).where(eq(providerConduct.providerId, provider)))
      expect(await releaseParts(open(), 10, AT_ONCE)).toEqual({ parts: 1, msat: 4_950n })
    })

    it('gives back what has failed however late, and whether it was selected or not', async () => {
      const provider = `12D3KooWlate${Date.now()}`
      const old = Date.now() - 20 * HOUR
      const bad = await captured(open(), [{ provider, gross: 300 }], FEE_BPS, null, old)
      await captured(open(), [{ provider, gross: 200 }], FEE_BPS, null, old)
      await audited(open(), bad, 'fail')
      const conduct = { providerId: provider, standing: 'suspended' as const, since: new Date() }
      await ask(
        open()
          .insert(providerConduct)
          .values({ ...conduct, offences: 0 }),
      )
      expect(await releaseParts(open(), 10, AT_ONCE)).toEqual({ parts: 1, msat: 0n })
      expect(await entriesOf(open(), `ver:${bad.leases[0]!.lease}`)).toEqual(
        shown(verdictBad(bad.leases[0]!, bad.payer)),
      )
      await askRows(open(), sql`delete from account_transfers where account_id = ${bad.accountId}`)
      await ask(open().delete(providerConduct).where(eq(providerConduct.providerId, provider)))
      expect(await releaseParts(open(), 10, AT_ONCE)).toEqual({ parts: 1, msat: 198n })
    })

    it('releases a page at a time, the oldest first', async () => {
      for (let n = 0; n < 3; n++) await captured(open(), [{ provider: '12D3KooWpage', gross: 100 }])
      const first = await nextUnreleased(open(), AT_ONCE, [])
      expect(await releaseParts(open(), 2, AT_ONCE)).toMatchObject({ parts: 2 })
      expect(await releasedAt(first!)).toBeInstanceOf(Date)
      expect(await releaseParts(open(), 2, AT_ONCE)).toMatchObject({ parts: 1 })
      expect(await releaseParts(open(), 2, AT_ONCE)).toEqual({ parts: 0, msat: 0n })
    })

    it('changes nothing when one job was never captured, and can go on without it', async () => {
      const good = await captured(open(), [{ provider: '12D3KooWfair', gross: 100 }])
      const forged = await captured(open(), [{ provider: null, gross: 100 }])
      await askRows(
        open(),
        sql`update jobs set provider_id = '12D3KooWnever', lease = ${`${forged.id}.1`} where id = ${forged.id}`,
      )
      await expect(releaseParts(open(), 10, AT_ONCE)).rejects.toBeInstanceOf(DbError)
      expect(await releasedAt(good.id)).toBeUndefined()
      // A server tells of a failure before it lets go of what it has locked, and what is locked is skipped.
      await expect
        .poll(() => releaseParts(open(), 10, AT_ONCE, [forged.id]))
        .toEqual({ parts: 1, msat: 99n })
      expect(await nextUnreleased(open(), AT_ONCE, [])).toBe(forged.id)
      expect(await nextUnreleased(open(), AT_ONCE, [forged.id])).toBeUndefined()
      await askRows(open(), sql`update jobs set released_at = now() where id = ${forged.id}`)
    })
  })
}
