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
import { PAYOUT_STATES } from './payout-state.ts'

/**
 * What is to be done at the Lightning node, and what has become of it: rows that the settler executes.
 * Their states are the tables in `settlement/src/intake/`, `payout/` and `escrow/`.
 */

const seconds = (name: string) => bigint(name, { mode: 'number' })

/** The settler that may act on the node; one row, `id` 1. */
export const settlerLease = pgTable('settler_lease', {
  id: integer('id').primaryKey(),
  /** Drawn by each process at its start. */
  holder: text('holder').notNull(),
  /** Grows with every new holder: a write under an older one is refused. */
  epoch: bigint('epoch', { mode: 'number' }).notNull(),
  expiresAt: at('expires_at').notNull(),
  nodePubkey: text('node_pubkey').notNull(),
  network: text('network').notNull(),
  /** Nothing of this is real money. */
  simulated: boolean('simulated').notNull(),
})

/** How far the settled invoices of a node have been credited. */
export const settleIndexes = pgTable('settle_indexes', {
  nodePubkey: text('node_pubkey').primaryKey(),
  settleIndex: amount('settle_index').notNull(),
})

/** Invoices for credit, of an account or of a bundle (L402). */
export const topUps = pgTable(
  'top_ups',
  {
    /** `top_…` */
    id: text('id').primaryKey(),
    /** Who has ordered it; null for a bundle. */
    accountId: text('account_id'),
    /** The ledger's code of who is credited; for a bundle known with its hash. */
    creditedTo: text('credited_to'),
    amountMsat: amount('amount_msat').notNull(),
    memo: text('memo').notNull(),
    expirySeconds: integer('expiry_seconds').notNull(),
    /** Null until the settler has derived it. */
    paymentHash: text('payment_hash'),
    state: text('state', { enum: ['requested', 'open', 'settled', 'expired'] })
      .notNull()
      .default('requested'),
    bolt11: text('bolt11'),
    /** Unix seconds, as the next. */
    expiresAt: seconds('expires_at'),
    createdAt: seconds('created_at').notNull(),
    settledAt: at('settled_at'),
    paidMsat: amount('paid_msat')
      .notNull()
      .default(sql`0`),
  },
  (table) => [
    uniqueIndex('top_ups_hash').on(table.paymentHash),
    index('top_ups_account').on(table.accountId, table.createdAt),
    index('top_ups_unfinished')
      .on(table.id)
      .where(sql`${table.state} in ('requested', 'open')`),
  ],
)

/** Payments of a client's or a bundle's credit to its owner; what becomes of one is its payout's state. */
export const withdrawals = pgTable(
  'withdrawals',
  {
    /** `wd_…`, which is also its payout's. */
    id: text('id').primaryKey(),
    /** An account's id, or a bundle's: see `liveAccount`. */
    accountId: text('account_id').notNull(),
    amountMsat: amount('amount_msat').notNull(),
    /** Taken with the amount; what routing leaves of it comes back. */
    feeReserveMsat: amount('fee_reserve_msat').notNull(),
    /** A `PayoutDestination` of `settlement/`. */
    destination: jsonb('destination').notNull(),
    createdAt: at('created_at').notNull().defaultNow(),
    /** Its payout was opened, or the live balance has refused it. */
    begunAt: at('begun_at'),
  },
  (table) => [
    index('withdrawals_account').on(table.accountId, table.createdAt),
    index('withdrawals_waiting')
      .on(table.createdAt)
      .where(sql`${table.begunAt} is null`),
  ],
)

/**
 * What a live balance is still to be told: credit that was posted here, and what a withdrawal takes.
 * Its outcome is the live account's, which remembers it by the reference.
 */
export const accountTransfers = pgTable(
  'account_transfers',
  {
    /** `inv:<hash>`, `wd:<withdrawal>`, `po:<payout>:back`, `esc:<hash>`, `ver:<lease>`. */
    reference: text('reference').primaryKey(),
    /** An account's id, or a bundle's: see `liveAccount`. */
    accountId: text('account_id').notNull(),
    /** Below zero takes. */
    amountMsat: amount('amount_msat').notNull(),
    state: text('state', { enum: ['pending', 'done', 'refused'] })
      .notNull()
      .default('pending'),
    createdAt: at('created_at').notNull().defaultNow(),
  },
  (table) => [
    index('account_transfers_account').on(table.accountId, table.createdAt),
    index('account_transfers_pending')
      .on(table.createdAt)
      .where(sql`${table.state} = 'pending'`),
    check('account_transfers_not_zero', sql`${table.amountMsat} <> 0`),
  ],
)

export const payouts = pgTable(
  'payouts',
  {
    id: text('id').primaryKey(),
    /** The ledger's code of whose money it is. */
    owner: text('owner').notNull(),
    amountMsat: amount('amount_msat').notNull(),
    feeReserveMsat: amount('fee_reserve_msat').notNull(),
    feeLimitMsat: amount('fee_limit_msat').notNull(),
    destination: jsonb('destination').notNull(),
    state: text('state', { enum: PAYOUT_STATES }).notNull().default('open'),
    failure: text('failure'),
    createdAt: at('created_at').notNull().defaultNow(),
    finishedAt: at('finished_at'),
  },
  (table) => [
    index('payouts_owner').on(table.owner, table.createdAt),
    // One at a time per owner.
    uniqueIndex('payouts_under_way')
      .on(table.owner)
      .where(sql`${table.state} in ('open', 'paying')`),
    index('payouts_unfinished')
      .on(table.id)
      .where(sql`${table.state} in ('open', 'paying')`),
  ],
)

/** One payment hash each, written down before anything is sent. */
export const payoutAttempts = pgTable(
  'payout_attempts',
  {
    payoutId: text('payout_id').notNull(),
    /** From 1. */
    number: integer('number').notNull(),
    paymentHash: text('payment_hash').notNull(),
    /** `to` of an `AttemptDraft` of `settlement/`. */
    target: jsonb('target').notNull(),
    state: text('state', { enum: ['unresolved', 'succeeded', 'failed'] })
      .notNull()
      .default('unresolved'),
    preimage: text('preimage'),
    feeMsat: amount('fee_msat'),
    failure: text('failure'),
    createdAt: at('created_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.payoutId, table.number] }),
    uniqueIndex('payout_attempts_hash').on(table.paymentHash),
  ],
)

/** Payments that are held until a job of a fixed price has its verdict. */
export const escrows = pgTable(
  'escrows',
  {
    paymentHash: text('payment_hash').primaryKey(),
    job: text('job').notNull(),
    attempt: integer('attempt').notNull(),
    /** The ledger's code of a client. */
    payer: text('payer').notNull(),
    amountMsat: amount('amount_msat').notNull(),
    memo: text('memo').notNull(),
    expirySeconds: integer('expiry_seconds').notNull(),
    cltvExpiry: integer('cltv_expiry').notNull(),
    state: text('state', { enum: ['quoted', 'open', 'accepted', 'settled', 'cancelled'] })
      .notNull()
      .default('quoted'),
    /** Unix seconds, as the next. */
    createdAt: seconds('created_at').notNull(),
    expiresAt: seconds('expires_at'),
    bolt11: text('bolt11'),
    htlcExpiryHeight: integer('htlc_expiry_height'),
    /** An `EscrowDecision` of `settlement/`; the first there was. */
    decision: jsonb('decision'),
    paidMsat: amount('paid_msat')
      .notNull()
      .default(sql`0`),
    cancelReason: text('cancel_reason'),
  },
  (table) => [
    uniqueIndex('escrows_job').on(table.job, table.attempt),
    index('escrows_unfinished')
      .on(table.paymentHash)
      .where(sql`${table.state} not in ('settled', 'cancelled')`),
  ],
)

/** Jobs of a fixed price: run when their escrow is paid, and paid when they are done. */
export const pricedJobs = pgTable(
  'priced_jobs',
  {
    id: text('id').primaryKey(),
    accountId: text('account_id').notNull(),
    apiKeyId: text('api_key_id').notNull(),
    requestId: text('request_id').notNull(),
    endpoint: text('endpoint').notNull(),
    model: text('model').notNull(),
    /** The request's body, JSON in one line, and in the next the client's metadata. */
    request: text('request').notNull(),
    priceMsat: amount('price_msat').notNull(),
    feeBps: integer('fee_bps').notNull(),
    state: text('state', { enum: ['quoted', 'running', 'completed', 'failed', 'withdrawn'] })
      .notNull()
      .default('quoted'),
    /** Who runs it, until when; after that another may. */
    claim: text('claim'),
    claimedUntil: at('claimed_until'),
    providerId: text('provider_id'),
    /** The answer's body as the provider gave it. */
    result: text('result'),
    /** The error's envelope. */
    error: jsonb('error'),
    createdAt: at('created_at').notNull().defaultNow(),
    finishedAt: at('finished_at'),
  },
  (table) => [
    index('priced_jobs_account').on(table.accountId, table.createdAt),
    index('priced_jobs_unfinished')
      .on(table.id)
      .where(sql`${table.state} in ('quoted', 'running')`),
  ],
)
