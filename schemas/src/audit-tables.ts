import { sql } from 'drizzle-orm'
import {
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
} from 'drizzle-orm/pg-core'
import { at } from './columns.ts'

/** What became of the answers that were selected; one row for each. */
export const audits = pgTable(
  'audits',
  {
    lease: text('lease').primaryKey(),
    jobId: text('job_id').notNull(),
    providerId: text('provider_id').notNull(),
    model: text('model').notNull(),
    /** The provider's spec, or what the offer said if it claimed none. */
    spec: text('spec').notNull(),
    /** The job's epoch, and the share of jobs that were selected then: with the epoch's key anybody can check it. */
    epoch: integer('epoch').notNull(),
    rate: doublePrecision('rate').notNull(),
    verdict: text('verdict', { enum: ['pass', 'fail', 'inconclusive', 'unopened'] }).notNull(),
    /** ln of the e-value of this answer alone. */
    logE: doublePrecision('log_e').notNull(),
    /** {@link import('./audit-report.ts').AuditReport}: what each layer has found. */
    report: jsonb('report').notNull(),
    judgedAt: at('judged_at').notNull(),
  },
  (table) => [
    index('audits_job').on(table.jobId),
    index('audits_provider_time').on(table.providerId, table.judgedAt),
  ],
)

const share = (name: string) =>
  doublePrecision(name)
    .notNull()
    .default(sql`0`)
const times = (name: string) =>
  integer(name)
    .notNull()
    .default(sql`0`)

/** What the audits of one provider and spec have added up to: see `wealth.ts` in verification. */
export const providerSpecs = pgTable(
  'provider_specs',
  {
    providerId: text('provider_id').notNull(),
    spec: text('spec').notNull(),
    /** ln of the capital against it, by the fraction at stake. */
    lifetimeLow: share('lifetime_low'),
    lifetimeMid: share('lifetime_mid'),
    lifetimeHigh: share('lifetime_high'),
    recentLow: share('recent_low'),
    recentMid: share('recent_mid'),
    recentHigh: share('recent_high'),
    /** Good audits since the last one that was not. */
    consecutiveValid: times('consecutive_valid'),
    passed: times('passed'),
    failed: times('failed'),
    inconclusive: times('inconclusive'),
    unopened: times('unopened'),
    updatedAt: at('updated_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.providerId, table.spec] })],
)

/** How much honest answers of a spec vary, as an operator has measured it. */
export const calibrations = pgTable('calibrations', {
  spec: text('spec').primaryKey(),
  /** A `Calibration` of verification. */
  calibration: jsonb('calibration').notNull(),
  updatedAt: at('updated_at').notNull().defaultNow(),
})
