import { and, desc, eq, sql } from 'drizzle-orm'
import { auditReportSchema, isUnopened } from '@infernet/schemas/audit-report'
import {
  audits,
  calibrations,
  providerConduct,
  providerSpecs,
  slashes,
} from '@infernet/schemas/audit-tables'
import { madeAt, type JobId, type LeaseId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import { ask, askRows, iso, openDatabase, toJsonb } from '@infernet/settlement/db/database'
import type { DbPort } from '@infernet/settlement/db/db-port'
import { NO_EVIDENCE } from '@infernet/settlement/settler/no-evidence'
import { calibrationSchema } from '@infernet/verification/evidence/calibration'
import { nextWealth, STARTING_WEALTH, type Wealth } from '@infernet/verification/evidence/wealth'
import type { Conduct } from '@infernet/verification/reputation/conduct'
import { NOTEWORTHY } from '@infernet/verification/reputation/trusted-until'
import { z } from 'zod'
import type { Audit, AuditStore, ConductChange, SpecRecord } from '../audit/audit-port.ts'

/** The rows of audits in Postgres. */
export function postgresAudits(port: DbPort): AuditStore {
  const db = openDatabase(port)
  return {
    record: async (audit, change) => {
      await askRows(db, record(audit, change))
    },
    conductOf: async (provider) => {
      const [row] = await ask(
        db
          .select({ conduct: providerConduct, slash: slashes })
          .from(providerConduct)
          .leftJoin(slashes, eq(slashes.id, providerConduct.slashId))
          .where(eq(providerConduct.providerId, provider)),
      )
      return row && conductOf(row.conduct, row.slash)
    },
    isShunned: async (provider, destination) => {
      const rows = await askRows(
        db,
        sql`
        select exists (
          select from provider_conduct join providers on providers.id = provider_conduct.provider_id
          where standing = 'banned' and provider_conduct.provider_id <> ${provider}
            and ${destination} in (capability #>> '{payout,to,address}', capability #>> '{payout,to,pubkey}')
            and not exists (
              select from providers as known where known.id = ${provider} and known.first_seen_at <= since
            )
        )`,
      )
      return truthSchema.parse(rows)[0][0]
    },
    restart: async (provider, { standing, since }) => {
      await askRows(
        db,
        sql`
        with restarted as (
          update provider_conduct set standing = ${standing}, since = ${iso(since)}::timestamptz
          where provider_id = ${provider} and standing = 'accused'
          returning provider_id
        )
        update provider_specs set ${NO_EVIDENCE}
        from restarted where provider_specs.provider_id = restarted.provider_id`,
      )
    },
    recordsOf: async (provider) => {
      const rows = await ask(
        db.select().from(providerSpecs).where(eq(providerSpecs.providerId, provider)),
      )
      return rows.map(specRecordOf)
    },
    refusalsOf: async (provider, spec, latest) => {
      const rows = await ask(
        db
          .select({ report: audits.report })
          .from(audits)
          .where(
            and(
              eq(audits.providerId, provider),
              eq(audits.spec, spec),
              sql`${audits.report} ? 'unopened'`,
            ),
          )
          .orderBy(desc(audits.judgedAt), desc(audits.lease))
          .limit(latest),
      )
      return rows
        .flatMap(({ report }) => auditReportSchema.parse(report).unopened?.refusal ?? [])
        .toReversed()
    },
    auditsOf: async (job) => {
      const rows = await ask(db.select().from(audits).where(eq(audits.jobId, job)))
      return rows.map(auditOf)
    },
    calibrationOf: async (spec) => {
      const [row] = await ask(
        db
          .select({ calibration: calibrations.calibration })
          .from(calibrations)
          .where(eq(calibrations.spec, spec)),
      )
      return row && calibrationSchema.parse(row.calibration)
    },
    setCalibration: async (spec, calibration) => {
      const document = sql`${toJsonb(calibration)}::jsonb`
      await ask(
        db
          .insert(calibrations)
          .values({ spec, calibration: document })
          .onConflictDoUpdate({
            target: calibrations.spec,
            set: { calibration: document, updatedAt: sql`now()` },
          }),
      )
    },
  }
}

const truthSchema = z.tuple([z.tuple([z.boolean()])])

/**
 * What is gained by an answer adds up in logarithms, whoever else judges the same provider meanwhile: so
 * the sums are made here, each by what the answer alone is worth.
 */
function record(audit: Audit, change: ConductChange | undefined) {
  const { verdict, logE } = audit
  const orderedAt = verdict === 'pass' ? iso(madeAt(audit.job)) : iso(0)
  const counts = verdict === 'inconclusive' ? STARTING_WEALTH : nextWealth(STARTING_WEALTH, logE)
  const [low, mid, high] = counts.lifetime
  const one = (of: Audit['verdict']) => sql`${verdict === of ? 1 : 0}::int`
  const inRow = sql`${isUnopened(audit) ? 1 : 0}::int`
  return sql`
  with added as (
    insert into audits (
      lease, job_id, provider_id, model, spec, epoch, source, rate, verdict, log_e, report, judged_at
    ) values (
      ${audit.lease}, ${audit.job}, ${audit.provider}, ${audit.model}, ${audit.spec}, ${audit.epoch}::int,
      ${audit.source}, ${audit.rate}::float8, ${verdict}, ${logE}::float8, ${toJsonb(audit.report)}::jsonb,
      ${iso(audit.judgedAt)}::timestamptz
    ) on conflict (lease) do nothing
    returning provider_id, spec, judged_at
  )${change === undefined ? sql`` : conducted(audit, change)}
  insert into provider_specs (
    provider_id, spec, lifetime_low, lifetime_mid, lifetime_high, recent_low, recent_mid, recent_high,
    consecutive_valid, passed, failed, inconclusive, unopened, unopened_in_row, updated_at, trusted_until
  )
  select provider_id, spec, ${low}::float8, ${mid}::float8, ${high}::float8,
    greatest(0, ${low}::float8), greatest(0, ${mid}::float8), greatest(0, ${high}::float8),
    ${one('pass')}, ${one('pass')}, ${one('fail')}, ${one('inconclusive')}, ${one('unopened')}, ${inRow}, judged_at,
    case when ${trusts(['0', '0', '0'], [low, mid, high])} then ${orderedAt}::timestamptz else 'epoch' end
  from added
  on conflict (provider_id, spec) do update set
    lifetime_low = provider_specs.lifetime_low + excluded.lifetime_low,
    lifetime_mid = provider_specs.lifetime_mid + excluded.lifetime_mid,
    lifetime_high = provider_specs.lifetime_high + excluded.lifetime_high,
    recent_low = ${floor('recent_low', low)},
    recent_mid = ${floor('recent_mid', mid)},
    recent_high = ${floor('recent_high', high)},
    consecutive_valid = case when ${verdict === 'inconclusive'} then provider_specs.consecutive_valid
      when ${verdict === 'pass'} then provider_specs.consecutive_valid + 1 else 0 end,
    passed = provider_specs.passed + excluded.passed,
    failed = provider_specs.failed + excluded.failed,
    inconclusive = provider_specs.inconclusive + excluded.inconclusive,
    unopened = provider_specs.unopened + excluded.unopened,
    unopened_in_row = case when ${inRow} = 1 then provider_specs.unopened_in_row + 1 else 0 end,
    trusted_until = case when ${trusts(RECENT, [low, mid, high])}
      then greatest(provider_specs.trusted_until, ${orderedAt}::timestamptz) else provider_specs.trusted_until end,
    updated_at = greatest(provider_specs.updated_at, excluded.updated_at)`
}

const RECENT = ['recent_low', 'recent_mid', 'recent_high'].map((name) => `provider_specs.${name}`)

/** Whether recent evidence, once these are added, is not worth noting: `trustedUntil` of verification. */
const trusts = (before: readonly string[], gained: readonly number[]) => {
  const parts = before.map((was, i) => `exp(least(50, greatest(0, ${was} + ${gained[i]}::float8)))`)
  return sql.raw(`(${parts.join(' + ')}) / 3 <= ${NOTEWORTHY}`)
}

/** How the provider stands after the audit, and what it was convicted of; nothing changes while a slash is open. */
function conducted(audit: Audit, { conduct, slash }: ConductChange) {
  const { standing, since, offences, penalty } = conduct
  const written = sql`, conducted as (
    insert into provider_conduct (provider_id, standing, since, offences, slash_id)
    select provider_id, ${standing}, ${iso(since)}::timestamptz, ${offences}::int, ${slash?.id ?? null}::text from added
    on conflict (provider_id) do update set
      standing = excluded.standing, since = excluded.since, offences = excluded.offences, slash_id = excluded.slash_id
    where provider_conduct.slash_id is null
    returning provider_id
  )`
  if (slash === undefined || penalty === undefined) return written
  return sql`${written}, slashed as (
    insert into slashes (
      id, provider_id, spec, model, lease, state, evidence_sha256, evidence, is_open, affected_from, opened_at, appeal_until
    )
    select ${slash.id}, conducted.provider_id, ${audit.spec}, ${audit.model}, ${audit.lease}, 'open', ${penalty.evidence},
      ${slash.evidence}, ${slash.isOpen},
      coalesce((
        select trusted_until from provider_specs
        where provider_specs.provider_id = conducted.provider_id and spec = ${audit.spec}
      ), 'epoch'),
      ${iso(since)}::timestamptz, ${iso(penalty.appealUntil)}::timestamptz
    from conducted
    on conflict (id) do nothing
  )`
}

/** Recent evidence is never below nothing. */
const floor = (column: string, gain: number) =>
  sql.raw(`greatest(0, provider_specs.${column} + ${String(gain)}::float8)`)

function auditOf(row: typeof audits.$inferSelect): Audit {
  return {
    job: row.jobId as JobId,
    lease: row.lease as LeaseId,
    provider: row.providerId as PeerId,
    model: row.model,
    spec: row.spec,
    epoch: row.epoch,
    source: row.source,
    rate: row.rate,
    verdict: row.verdict,
    logE: row.logE,
    report: auditReportSchema.parse(row.report),
    judgedAt: row.judgedAt.getTime(),
  }
}

function specRecordOf(row: typeof providerSpecs.$inferSelect): SpecRecord {
  const { passed, failed, inconclusive, unopened } = row
  const wealth: Wealth = {
    requests: passed + failed + unopened,
    lifetime: [row.lifetimeLow, row.lifetimeMid, row.lifetimeHigh],
    recent: [row.recentLow, row.recentMid, row.recentHigh],
  }
  const { consecutiveValid, spec } = row
  return {
    spec,
    wealth,
    consecutiveValid,
    passed,
    failed,
    inconclusive,
    unopened,
    unopenedInRow: row.unopenedInRow,
    updatedAt: row.updatedAt.getTime(),
    trustedUntil: row.trustedUntil.getTime(),
  }
}

/** `slash`: the one that is not final. */
function conductOf(
  { standing, since, offences }: typeof providerConduct.$inferSelect,
  slash: typeof slashes.$inferSelect | null,
): Conduct {
  const penalty = slash === null ? undefined : penaltyOf(slash)
  return { standing, since: since.getTime(), offences, penalty }
}

const penaltyOf = ({ evidenceSha256, appealUntil, appealedAt }: typeof slashes.$inferSelect) => ({
  evidence: evidenceSha256,
  appealUntil: appealUntil.getTime(),
  isAppealed: appealedAt !== null,
})
