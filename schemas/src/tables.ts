import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core'
import { amount, at } from './columns.ts'

/** Postgres: the truth for everything that is not live. Amounts are integer msat in `bigint`. */

const tokens = (name: string) => bigint(name, { mode: 'number' })

/** What an account or a key may use; null is without limit. */
const limits = () => ({
  requestsPerMinute: integer('requests_per_minute'),
  tokensPerMinute: integer('tokens_per_minute'),
  /** Requests running at once. */
  maxConcurrent: integer('max_concurrent'),
  /** Per UTC day. */
  budgetMsatPerDay: bigint('budget_msat_per_day', { mode: 'number' }),
})

export const accounts = pgTable('accounts', {
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  createdAt: at('created_at').notNull().defaultNow(),
  ...limits(),
  /** Enough for a busy service, small against one hub's capacity. */
  maxConcurrent: integer('max_concurrent').default(64),
})

/** Keys are stored as SHA-256; `id` is the public part that finds the row. */
export const apiKeys = pgTable(
  'api_keys',
  {
    id: text('id').primaryKey(),
    accountId: text('account_id')
      .notNull()
      .references(() => accounts.id),
    hash: text('hash').notNull(),
    name: text('name').notNull(),
    createdAt: at('created_at').notNull().defaultNow(),
    expiresAt: at('expires_at'),
    revokedAt: at('revoked_at'),
    ...limits(),
  },
  (table) => [index('api_keys_account').on(table.accountId)],
)

export const providers = pgTable('providers', {
  /** The peer id, which is the key. */
  id: text('id').primaryKey(),
  capability: jsonb('capability').notNull(),
  /** What the provider signed of it and anybody may see; null from before such were kept. */
  announcement: jsonb('announcement'),
  firstSeenAt: at('first_seen_at').notNull().defaultNow(),
  lastSeenAt: at('last_seen_at').notNull().defaultNow(),
})

/**
 * Accounts of the double-entry journal; their codes and rules are those of
 * `settlement/src/ledger/account-code.ts`. Written by `post_all` and `post` only, which make an
 * account when an event names it for the first time.
 */
export const ledgerAccounts = pgTable(
  'ledger_accounts',
  {
    id: bigint('id', { mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity(),
    code: text('code').notNull(),
    /** Never below zero. */
    mustCover: boolean('must_cover').notNull(),
    /** Whether `balance` is kept; else it is the sum of the entries. */
    tracked: boolean('tracked').notNull(),
    balance: amount('balance')
      .notNull()
      .default(sql`0`),
  },
  (table) => [
    uniqueIndex('ledger_accounts_code').on(table.code),
    check('ledger_accounts_covered', sql`not ${table.mustCover} or ${table.balance} >= 0`),
    check(
      'ledger_accounts_tracked',
      sql`${table.tracked} or (${table.balance} = 0 and not ${table.mustCover})`,
    ),
  ],
)

/** One row per event, posted once for its key. */
export const journal = pgTable(
  'journal',
  {
    id: bigint('id', { mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity(),
    /** `cap:<job id>`, `inv:<payment hash>`…: see docs/payments.md. */
    key: text('key').notNull(),
    kind: text('kind').notNull(),
    /** When it happened, which may be before it was posted. */
    at: at('at').notNull(),
  },
  (table) => [uniqueIndex('journal_key').on(table.key)],
)

/**
 * What an event changed an account by. The entries of an event, and all entries, sum to zero. Its ids
 * are no foreign keys: each check would lock its account's row, and every job's writer that of the fee.
 */
export const entries = pgTable(
  'entries',
  {
    journalId: bigint('journal_id', { mode: 'bigint' }).notNull(),
    accountId: bigint('account_id', { mode: 'bigint' }).notNull(),
    amountMsat: amount('amount_msat').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.journalId, table.accountId] }),
    index('entries_account').on(table.accountId, table.journalId),
    check('entries_not_zero', sql`${table.amountMsat} <> 0`),
  ],
)

/** What has become of a provider's part of an answer. */
const release = () => ({
  /** When it was released, or given back. */
  releasedAt: at('released_at'),
  /** The slash that takes it. */
  slashId: text('slash_id'),
  /** The operator keeps it; else the client gets all that it paid for it back. */
  isForfeit: boolean('is_forfeit'),
})

export const jobs = pgTable(
  'jobs',
  {
    id: text('id').primaryKey(),
    accountId: text('account_id').notNull(),
    apiKeyId: text('api_key_id').notNull(),
    requestId: text('request_id').notNull(),
    endpoint: text('endpoint').notNull().default('chat.completions'),
    model: text('model').notNull(),
    generationId: text('generation_id'),
    stream: boolean('stream').notNull(),
    /** How it ended for the client. */
    status: text('status', { enum: ['completed', 'cancelled', 'failed', 'expired'] }).notNull(),
    errorCode: text('error_code'),
    finishReason: text('finish_reason'),
    providerId: text('provider_id'),
    lease: text('lease'),
    attempts: integer('attempts').notNull(),
    /** {@link import('./job-record.ts').PriorLeg}[], null when one provider gave the whole answer. */
    priorLegs: jsonb('prior_legs'),
    promptTokens: tokens('prompt_tokens').notNull(),
    completionTokens: tokens('completion_tokens').notNull(),
    /** The provider's own count, kept beside what was delivered and billed. */
    claimedTokens: tokens('claimed_tokens').notNull(),
    holdMsat: amount('hold_msat').notNull(),
    costMsat: amount('cost_msat').notNull(),
    /** The platform's part of the cost in basis points when it was captured; 0 before there was one. */
    feeBps: integer('fee_bps').notNull().default(0),
    createdAt: at('created_at').notNull(),
    firstByteMs: integer('first_byte_ms'),
    totalMs: integer('total_ms').notNull(),
    /** An audit is under way: until its verdict is there, or until then, nothing is released. */
    heldUntil: at('held_until'),
    ...release(),
  },
  (table) => [
    index('jobs_selected')
      .on(table.id)
      .where(sql`${table.heldUntil} is not null and ${table.releasedAt} is null`),
    index('jobs_slashed')
      .on(table.id)
      .where(sql`${table.slashId} is not null and ${table.releasedAt} is null`),
    index('jobs_unreleased')
      .on(table.id)
      .where(sql`${table.costMsat} > 0 and ${table.releasedAt} is null`),
    index('jobs_account_time').on(table.accountId, table.createdAt),
    index('jobs_generation').on(table.accountId, table.generationId),
    index('jobs_provider_time').on(table.providerId, table.createdAt),
  ],
)

/** What providers gave of answers that others ended: of each job its prior legs. What ended it is in the job's row. */
export const earlierParts = pgTable(
  'earlier_parts',
  {
    lease: text('lease').primaryKey(),
    jobId: text('job_id').notNull(),
    accountId: text('account_id').notNull(),
    providerId: text('provider_id').notNull(),
    model: text('model').notNull(),
    costMsat: amount('cost_msat').notNull(),
    /** As of the job. */
    feeBps: integer('fee_bps').notNull(),
    /** When its job was made. */
    createdAt: at('created_at').notNull(),
    /** As of the job. */
    heldUntil: at('held_until'),
    ...release(),
  },
  (table) => [
    index('earlier_parts_unreleased')
      .on(table.lease)
      .where(sql`${table.costMsat} > 0 and ${table.releasedAt} is null`),
    index('earlier_parts_provider')
      .on(table.providerId)
      .where(sql`${table.releasedAt} is null`),
  ],
)

export const receipts = pgTable(
  'receipts',
  {
    lease: text('lease').primaryKey(),
    jobId: text('job_id').notNull(),
    providerId: text('provider_id').notNull(),
    /** {@link import('./receipt.ts').SignedReceipt}, verified before it was stored. */
    receipt: jsonb('receipt').notNull(),
    receivedAt: at('received_at').notNull().defaultNow(),
  },
  (table) => [index('receipts_job').on(table.jobId)],
)

/** Answers of the Responses API that clients may fetch or continue, until they expire. */
export const responses = pgTable(
  'responses',
  {
    /** `resp_…` */
    id: text('id').primaryKey(),
    accountId: text('account_id')
      .notNull()
      .references(() => accounts.id),
    createdAt: at('created_at').notNull(),
    expiresAt: at('expires_at').notNull(),
    /** As the client got it. */
    response: jsonb('response').notNull(),
    /** What it was asked, as a list of items. */
    inputItems: jsonb('input_items').notNull(),
  },
  (table) => [
    index('responses_account_time').on(table.accountId, table.createdAt),
    index('responses_expiry').on(table.expiresAt),
  ],
)

/** Hourly sums for the usage console; kept by the same statement that writes the jobs. */
export const usage = pgTable(
  'usage',
  {
    accountId: text('account_id').notNull(),
    apiKeyId: text('api_key_id').notNull(),
    model: text('model').notNull(),
    hour: at('hour').notNull(),
    requests: bigint('requests', { mode: 'number' })
      .notNull()
      .default(sql`0`),
    promptTokens: tokens('prompt_tokens')
      .notNull()
      .default(sql`0`),
    completionTokens: tokens('completion_tokens')
      .notNull()
      .default(sql`0`),
    costMsat: amount('cost_msat')
      .notNull()
      .default(sql`0`),
  },
  (table) => [primaryKey({ columns: [table.accountId, table.apiKeyId, table.model, table.hour] })],
)
