import { and, asc, desc, eq, getTableColumns, sql } from 'drizzle-orm'
import { slashes } from '@infernet/schemas/audit-tables'
import type { LeaseId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import { ask, askRows, iso, openDatabase } from '@infernet/settlement/db/database'
import type { DbPort } from '@infernet/settlement/db/db-port'
import { NO_EVIDENCE } from '@infernet/settlement/settler/no-evidence'
import { z } from 'zod'
import type { SlashStore, StoredSlash } from '../audit/slash-port.ts'

const MOST_LISTED = 50

/** Megabytes, as a rule not needed. */
const { evidence: EVIDENCE, ...FACTS } = getTableColumns(slashes)

/** {@link SlashStore} over any Postgres. The settler makes them final: `carry-out-slashes.ts` there. */
export function postgresSlashes(port: DbPort): SlashStore {
  const db = openDatabase(port)
  return {
    find: async (id) => {
      const [row] = await ask(db.select(FACTS).from(slashes).where(eq(slashes.id, id)))
      return row && slashOf(row)
    },
    ofProvider: async (provider) => {
      const rows = await ask(
        db
          .select(FACTS)
          .from(slashes)
          .where(eq(slashes.providerId, provider))
          .orderBy(desc(slashes.openedAt))
          .limit(MOST_LISTED),
      )
      return rows.map(slashOf)
    },
    inState: async (state) => {
      const rows = await ask(
        db
          .select(FACTS)
          .from(slashes)
          .where(eq(slashes.state, state))
          .orderBy(asc(slashes.openedAt))
          .limit(MOST_LISTED),
      )
      return rows.map(slashOf)
    },
    evidenceOf: async (id) => {
      const [row] = await ask(
        db.select({ evidence: EVIDENCE }).from(slashes).where(eq(slashes.id, id)),
      )
      return row?.evidence
    },
    appeal: async (id, { reason, at }) => {
      const when = new Date(at)
      const rows = await ask(
        db
          .update(slashes)
          .set({ state: 'appealed', appeal: reason, appealedAt: when })
          .where(
            and(
              eq(slashes.id, id),
              eq(slashes.state, 'open'),
              sql`${slashes.appealUntil} > ${iso(at)}::timestamptz`,
            ),
          )
          .returning({ id: slashes.id }),
      )
      return rows.length > 0
    },
    decide: async (id, decision, at) =>
      wasDecided(await askRows(db, decision === 'denied' ? deny(id, at) : lift(id, at))),
  }
}

const decidedSchema = z.array(z.tuple([z.string()]))
const wasDecided = (rows: unknown): boolean => decidedSchema.parse(rows).length > 0

const deny = (id: string, at: number) => sql`
  update slashes set state = 'due', decided_at = ${iso(at)}::timestamptz
  where id = ${id} and state = 'appealed' returning id`

/** The provider is restored, and what convicted it says nothing any more: `appeal_upheld` of `standing.ts` in verification. */
const lift = (id: string, at: number) => sql`
  with lifted as (
    update slashes set state = 'lifted', decided_at = ${iso(at)}::timestamptz
    where id = ${id} and state = 'appealed' returning id, provider_id, spec, lease
  ), cleared_audit as (
    update audits set verdict = 'inconclusive', report = report || '{"reason": "an appeal was upheld"}'::jsonb
    from lifted where audits.lease = lifted.lease and verdict = 'fail'
  ), restored as (
    update provider_conduct set
      standing = case standing when 'slashed' then 'clear' else 'watched' end,
      since = ${iso(at)}::timestamptz, offences = offences - 1, slash_id = null
    from lifted where provider_conduct.slash_id = lifted.id
  ), cleared as (
    update provider_specs set ${NO_EVIDENCE},
      failed = failed - (provider_specs.spec = lifted.spec)::int,
      inconclusive = inconclusive + (provider_specs.spec = lifted.spec)::int
    from lifted where provider_specs.provider_id = lifted.provider_id
  )
  select id from lifted`

type Facts = Omit<typeof slashes.$inferSelect, 'evidence'>

function slashOf(row: Facts): StoredSlash {
  const { id, spec, model, state, evidenceSha256, isOpen } = row
  return {
    id,
    provider: row.providerId as PeerId,
    spec,
    model,
    lease: row.lease as LeaseId,
    state,
    evidenceSha256,
    isOpen,
    affectedFrom: row.affectedFrom.getTime(),
    openedAt: row.openedAt.getTime(),
    appealUntil: row.appealUntil.getTime(),
    appealedAt: row.appealedAt?.getTime(),
    appeal: row.appeal ?? undefined,
    decidedAt: row.decidedAt?.getTime(),
    refundedMsat: row.refundedMsat ?? undefined,
    forfeitedMsat: row.forfeitedMsat ?? undefined,
  }
}
