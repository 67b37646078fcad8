import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Posting } from '../ledger/posting.ts'
import { askRows, type Database } from './database.ts'
import { DbError } from './db-port.ts'

/** By the SQLSTATE of `post` (migrations/0007_post_faster.sql). */
const REFUSALS: Readonly<Record<string, PostRefused['code']>> = {
  LD001: 'unbalanced',
  LD002: 'key_conflict',
  LD003: 'unknown_account',
}
/** SQLSTATE check_violation, and the check that keeps accounts from owing. */
const CHECK_VIOLATION = '23514'
const COVERED = 'ledger_accounts_covered'

/** The journal refused a posting, and nothing has changed. */
export class PostRefused extends Error {
  override readonly name = 'PostRefused'
  /** `key_conflict`: the key was posted before, with other entries. */
  readonly code: 'unbalanced' | 'key_conflict' | 'unknown_account' | 'uncovered'

  constructor(code: PostRefused['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

const resultSchema = z.tuple([z.tuple([z.boolean()])])

/**
 * Posts one event, which happened at `at`, in one round trip; `replayed` when its key was posted before
 * with the same entries. Throws {@link PostRefused}.
 */
export async function post(
  db: Database,
  posting: Posting,
  at: Date,
): Promise<'posted' | 'replayed'> {
  const { key, kind, entries } = posting
  // As parameters: what is written as an array becomes a list.
  const codes = sql.param(entries.map(({ account }) => account))
  const amounts = sql.param(entries.map(({ amount }) => String(amount)))
  const statement = sql`
    select post(${key}, ${kind}, ${at.toISOString()}::timestamptz, ${codes}::text[], ${amounts}::bigint[])`
  try {
    const [[isNew]] = resultSchema.parse(await askRows(db, statement))
    return isNew ? 'posted' : 'replayed'
  } catch (error) {
    throw error instanceof DbError ? (refusalOf(error, key) ?? error) : error
  }
}

function refusalOf(error: DbError, key: string): PostRefused | undefined {
  const code = isUncovered(error) ? 'uncovered' : REFUSALS[error.code]
  return code && new PostRefused(code, `${key}: ${error.message}`, { cause: error })
}

/** Whether a statement that posts was refused since an account would have less than nothing. */
export const isUncovered = (error: unknown): boolean =>
  error instanceof DbError && error.code === CHECK_VIOLATION && error.constraint === COVERED
