import { eq, sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { audits, slashes } from '@infernet/schemas/audit-tables'
import { earlierParts, jobs } from '@infernet/schemas/tables'
import { ask, askRows, type Database } from '../db/database.ts'
import { slashLifted, verdictBad, type JudgedLease } from '../ledger/job-events.ts'
import { payLiftedSlash } from './pay-lifted-slash.ts'
import { audited, captured, entriesOf, shown } from './release-conformance.ts'
import { releaseParts } from './release-parts.ts'

const AT_ONCE = { holdMs: 0, newcomerHoldMs: 0, newcomerMs: 0 }

const leg = (name: string) => ({ provider: `12D3KooWlifted${name}${Date.now()}`, gross: 300 })

/** A slash that this part of an answer has convicted, and that waits for the operator. */
async function appealed(db: Database, { lease, provider }: JudgedLease): Promise<void> {
  const now = new Date()
  const what = { providerId: provider, spec: 's', model: 'demo', lease }
  const evidence = { evidenceSha256: 'e', evidence: '{}', isOpen: false }
  const times = { affectedFrom: now, openedAt: now, appealUntil: now, appealedAt: now }
  const row = { id: `slash_${lease}`, ...what, ...evidence, ...times, state: 'appealed' as const }
  await ask(db.insert(slashes).values(row))
}

/** As the edge does it: `lift` in `edge/src/db/slashes.ts`. */
async function lift(db: Database, { lease }: JudgedLease): Promise<void> {
  const change = { state: 'lifted' as const, decidedAt: new Date() }
  await ask(db.update(slashes).set(change).where(eq(slashes.lease, lease)))
  await ask(db.update(audits).set({ verdict: 'inconclusive' }).where(eq(audits.lease, lease)))
}

/** What is posted for clients is read by another suite. */
const forget = (db: Database, { accountId }: { accountId: string }) =>
  askRows(db, sql`delete from account_transfers where account_id = ${accountId}`)

/** What a provider gets after an appeal, against the pure rules, on a real database. */
export function testLiftedSlashes(open: () => Database): void {
  describe('a slash that was lifted', () => {
    it.each([
      ['gave alone', [leg('alone')], 0],
      ['began', [leg('first'), leg('second')], 0],
      ['ended', [leg('one'), leg('two')], 1],
    ])(
      'pays its provider once for the answer that it %s, and the refund stands',
      async (_, legs, n) => {
        const job = await captured(open(), legs)
        const convicting = job.leases[n]!
        await audited(open(), job, 'fail', n)
        await appealed(open(), convicting)
        await releaseParts(open(), 10, AT_ONCE)
        const bad = shown(verdictBad(convicting, job.payer))
        expect(await entriesOf(open(), `ver:${convicting.lease}`)).toEqual(bad)
        expect(await payLiftedSlash(open())).toBeUndefined()

        await lift(open(), convicting)
        const paid = await Promise.all([payLiftedSlash(open()), payLiftedSlash(open())])
        const { lease, provider } = convicting
        expect(paid.filter((one) => one !== undefined)).toEqual([{ lease, provider, msat: 297n }])
        expect(await payLiftedSlash(open())).toBeUndefined()
        expect(await entriesOf(open(), `lift:${lease}`)).toEqual(shown(slashLifted(convicting)))
        expect(await entriesOf(open(), `ver:${lease}`)).toEqual(bad)
        await forget(open(), job)
      },
    )

    it('pays nothing for an answer that was not refunded yet: that is released like any', async () => {
      const job = await captured(open(), [leg('early')])
      await audited(open(), job, 'fail')
      await appealed(open(), job.leases[0]!)
      await lift(open(), job.leases[0]!)
      expect(await payLiftedSlash(open())).toBeUndefined()
      expect(await releaseParts(open(), 10, AT_ONCE)).toEqual({ parts: 1, msat: 297n })
      expect(await payLiftedSlash(open())).toBeUndefined()
    })

    it.each([
      ['ended', jobs, [leg('undone')]],
      ['began', earlierParts, [leg('undone'), leg('next')]],
    ])(
      'pays nothing for an answer that its provider %s and another slash undid',
      async (_, table, legs) => {
        const job = await captured(open(), legs)
        const convicting = job.leases[0]!
        const { lease } = convicting
        await ask(
          open().update(table).set({ slashId: 'slash_other' }).where(eq(table.lease, lease)),
        )
        await releaseParts(open(), 10, AT_ONCE)
        expect(await entriesOf(open(), `ver:${lease}`)).toEqual(
          shown(verdictBad(convicting, job.payer)),
        )
        await appealed(open(), convicting)
        await lift(open(), convicting)
        expect(await payLiftedSlash(open())).toBeUndefined()
        await forget(open(), job)
      },
    )
  })
}
