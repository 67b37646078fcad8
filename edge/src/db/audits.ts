import { eq, sql } from 'drizzle-orm'
import { auditReportSchema } from '@infernet/schemas/audit-report'
import { audits, calibrations, providerSpecs } from '@infernet/schemas/audit-tables'
import type { JobId, LeaseId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import { ask, askRows, openDatabase, toJsonb } from '@infernet/settlement/db/database'
import type { DbPort } from '@infernet/settlement/db/db-port'
import { calibrationSchema } from '@infernet/verification/evidence/calibration'
import { nextWealth, STARTING_WEALTH, type Wealth } from '@infernet/verification/evidence/wealth'
import type { Audit, AuditStore, SpecRecord } from '../audit/audit-port.ts'

/** The rows of audits in Postgres. */
export function postgresAudits(port: DbPort): AuditStore {
  const db = openDatabase(port)
  return {
    record: async (audit) => {
      await askRows(db, record(audit))
    },
    recordsOf: async (provider) => {
      const rows = await ask(
        db.select().from(providerSpecs).where(eq(providerSpecs.providerId, provider)),
      )
      return rows.map(specRecordOf)
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

/**
 * What is gained by an answer adds up in logarithms, whoever else judges the same provider meanwhile: so
 * the sums are made here, each by what the answer alone is worth.
 */
function record(audit: Audit) {
  const { verdict, logE } = audit
  const counts = verdict === 'inconclusive' ? STARTING_WEALTH : nextWealth(STARTING_WEALTH, logE)
  const [low, mid, high] = counts.lifetime
  const one = (of: Audit['verdict']) => sql`${verdict === of ? 1 : 0}::int`
  return sql`
  with added as (
    insert into audits (
      lease, job_id, provider_id, model, spec, epoch, rate, verdict, log_e, report, judged_at
    ) values (
      ${audit.lease}, ${audit.job}, ${audit.provider}, ${audit.model}, ${audit.spec}, ${audit.epoch}::int,
      ${audit.rate}::float8, ${verdict}, ${logE}::float8, ${toJsonb(audit.report)}::jsonb,
      ${new Date(audit.judgedAt).toISOString()}::timestamptz
    ) on conflict (lease) do nothing
    returning provider_id, spec, judged_at
  )
  insert into provider_specs (
    provider_id, spec, lifetime_low, lifetime_mid, lifetime_high, recent_low, recent_mid, recent_high,
    consecutive_valid, passed, failed, inconclusive, unopened, updated_at
  )
  select provider_id, spec, ${low}::float8, ${mid}::float8, ${high}::float8,
    greatest(0, ${low}::float8), greatest(0, ${mid}::float8), greatest(0, ${high}::float8),
    ${one('pass')}, ${one('pass')}, ${one('fail')}, ${one('inconclusive')}, ${one('unopened')}, judged_at
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
    updated_at = greatest(provider_specs.updated_at, excluded.updated_at)`
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
    updatedAt: row.updatedAt.getTime(),
  }
}
