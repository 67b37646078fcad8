import { and, eq, isNull } from 'drizzle-orm'
import type { AccountId, ApiKeyId } from '@infernet/schemas/ids'
import { accounts, apiKeys } from '@infernet/schemas/tables'
import type { SpendLimits, StoredApiKey } from '../ports.ts'
import { ACCOUNT_LIMITS } from './accounts.ts'
import { ask, type Database } from '@infernet/settlement/db/database'
import { DbError } from '@infernet/settlement/db/db-port'

/** SQLSTATE foreign_key_violation. */
const NO_SUCH_PARENT = '23503'

const KEY_LIMITS = {
  requestsPerMinute: apiKeys.requestsPerMinute,
  tokensPerMinute: apiKeys.tokensPerMinute,
  maxConcurrent: apiKeys.maxConcurrent,
  budgetMsatPerDay: apiKeys.budgetMsatPerDay,
}

/** The key with this public id and all limits it meets; the caller compares hashes and dates. */
export async function findApiKey(db: Database, id: ApiKeyId): Promise<StoredApiKey | undefined> {
  const [row] = await ask(
    db
      .select({
        accountId: apiKeys.accountId,
        hash: apiKeys.hash,
        expiresAt: apiKeys.expiresAt,
        revokedAt: apiKeys.revokedAt,
        key: KEY_LIMITS,
        account: ACCOUNT_LIMITS,
      })
      .from(apiKeys)
      .innerJoin(accounts, eq(accounts.id, apiKeys.accountId))
      .where(eq(apiKeys.id, id)),
  )
  return (
    row && {
      accountId: row.accountId as AccountId,
      hash: row.hash,
      expiresAt: row.expiresAt?.getTime() ?? null,
      revokedAt: row.revokedAt?.getTime() ?? null,
      limits: { key: row.key, account: row.account },
    }
  )
}

/** Returns the key's limits, or undefined when there is no such account. */
export async function createApiKey(
  db: Database,
  key: {
    id: ApiKeyId
    accountId: AccountId
    hash: string
    name: string
    /** ms since the epoch; null: never. */
    expiresAt: number | null
    limits: Partial<SpendLimits>
  },
): Promise<SpendLimits | undefined> {
  const { limits, expiresAt: ms, ...rest } = key
  const expiresAt = ms === null ? null : new Date(ms)
  try {
    const [row] = await ask(
      db
        .insert(apiKeys)
        .values({ ...rest, expiresAt, ...limits })
        .returning(KEY_LIMITS),
    )
    return row
  } catch (error) {
    if (error instanceof DbError && error.code === NO_SUCH_PARENT) return undefined
    throw error
  }
}

/** Returns all limits as they are now, or undefined when there is no such key. */
export async function changeApiKey(
  db: Database,
  id: ApiKeyId,
  limits: Partial<SpendLimits>,
): Promise<SpendLimits | undefined> {
  const [row] = await ask(
    db.update(apiKeys).set(limits).where(eq(apiKeys.id, id)).returning(KEY_LIMITS),
  )
  return row
}

/** False when the account has no such key, or it was revoked before. */
export async function revokeApiKey(
  db: Database,
  accountId: AccountId,
  id: ApiKeyId,
  now: Date,
): Promise<boolean> {
  const revoked = await ask(
    db
      .update(apiKeys)
      .set({ revokedAt: now })
      .where(and(eq(apiKeys.id, id), eq(apiKeys.accountId, accountId), isNull(apiKeys.revokedAt)))
      .returning({ id: apiKeys.id }),
  )
  return revoked.length > 0
}
