import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
} from 'drizzle-orm/pg-core'
import { amount, at } from './columns.ts'

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
    /** Why it was looked at: drawn by the epoch's key, asked for by its client, a question of ours, or compared with others. */
    source: text('source', { enum: ['sample', 'strict', 'canary', 'redundancy'] })
      .notNull()
      .default('sample'),
    /** ln of the e-value of this answer alone. */
    logE: doublePrecision('log_e').notNull(),
    /** {@link import('./audit-report.ts').AuditReport}: what each layer has found. */
    report: jsonb('report').notNull(),
    judgedAt: at('judged_at').notNull(),
  },
  (table) => [
    index('audits_job').on(table.jobId),
    index('audits_provider_time').on(table.providerId, table.judgedAt),
    index('audits_failed')
      .on(table.judgedAt)
      .where(sql`${table.verdict} = 'fail'`),
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
    /** Since the last one that was opened. */
    unopenedInRow: times('unopened_in_row'),
    /** When the last answer came that left no doubt: see `trustedUntil` in verification. */
    trustedUntil: at('trusted_until')
      .notNull()
      .default(sql`'epoch'`),
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

/** How a provider stands; without a row it is in good standing. Written with the audit that it follows from. */
export const providerConduct = pgTable('provider_conduct', {
  providerId: text('provider_id').primaryKey(),
  standing: text('standing', {
    enum: ['clear', 'watched', 'suspended', 'accused', 'slashed', 'banned'],
  }).notNull(),
  since: at('since').notNull(),
  /** Confirmed, and not undone by an appeal. */
  offences: integer('offences').notNull(),
  /** The slash that is not final; null when there is none. */
  slashId: text('slash_id'),
})

/**
 * Confirmed offences. What their providers had not been paid yet is set aside; when the time to appeal is over,
 * or the appeal was denied, the settler gives it back to clients.
 */
export const slashes = pgTable(
  'slashes',
  {
    /** `slash_` and the first 32 hex digits of the evidence's SHA-256. */
    id: text('id').primaryKey(),
    providerId: text('provider_id').notNull(),
    spec: text('spec').notNull(),
    model: text('model').notNull(),
    /** The answer that convicted it. */
    lease: text('lease').notNull(),
    /** `due`: it is final and the settler has to carry it out. `lifted`: an appeal was upheld. */
    state: text('state', { enum: ['open', 'appealed', 'due', 'final', 'lifted'] }).notNull(),
    /** Of the exact bytes in `evidence`, hex. */
    evidenceSha256: text('evidence_sha256').notNull(),
    /** An `AuditEvidence` of verification, as JSON text. */
    evidence: text('evidence').notNull(),
    /** Anybody may read the evidence: its question was ours, or its client has agreed. */
    isOpen: boolean('is_open').notNull(),
    /** Jobs from then on are undone: when the provider's last good audit of this spec was judged. */
    affectedFrom: at('affected_from').notNull(),
    openedAt: at('opened_at').notNull(),
    appealUntil: at('appeal_until').notNull(),
    appealedAt: at('appealed_at'),
    /** Why, in the provider's words. */
    appeal: text('appeal'),
    decidedAt: at('decided_at'),
    /** What was taken, once it is final: given back to clients, and kept by the operator. */
    refundedMsat: amount('refunded_msat'),
    forfeitedMsat: amount('forfeited_msat'),
  },
  (table) => [
    index('slashes_provider').on(table.providerId, table.openedAt),
    index('slashes_open')
      .on(table.appealUntil)
      .where(sql`${table.state} in ('open', 'due')`),
  ],
)

/** For how long a provider was connected, by the hour. */
export const providerHours = pgTable(
  'provider_hours',
  {
    providerId: text('provider_id').notNull(),
    hour: at('hour').notNull(),
    onlineMs: bigint('online_ms', { mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.providerId, table.hour] })],
)

/** Requests whose clients have agreed that others verify them: each may be asked once more, of another provider. */
export const canaryPrompts = pgTable(
  'canary_prompts',
  {
    /** The job that it was first. */
    jobId: text('job_id').primaryKey(),
    endpoint: text('endpoint').notNull(),
    model: text('model').notNull(),
    /** The client's request, JSON text. */
    body: text('body').notNull(),
    /** Who has seen it already. */
    providerId: text('provider_id').notNull(),
    createdAt: at('created_at').notNull(),
    /** The job that it was asked again by, once it was. */
    canaryJobId: text('canary_job_id'),
    usedAt: at('used_at'),
  },
  (table) => [
    index('canary_prompts_unused')
      .on(table.model, table.createdAt)
      .where(sql`${table.usedAt} is null`),
    index('canary_prompts_canary').on(table.canaryJobId),
  ],
)
