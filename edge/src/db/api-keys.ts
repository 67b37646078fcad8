import { and, eq, isNull } from 'drizzle-orm'
import type { AccountId, ApiKeyId } from '@infernet/schemas/ids'
import { apiKeys } from '@infernet/schemas/tables'
import type { StoredApiKey } from '../ports.ts'
import { ask, type Database } from './database.ts'
import { DbError } from './db-port.ts'

/** SQLSTATE foreign_key_violation. */
const NO_SUCH_PARENT = '23503'

/** The key with this public id; the caller compares hashes and dates. */
export async function findApiKey(db: Database, id: ApiKeyId): Promise<StoredApiKey | undefined> {
  const [row] = await ask(db.select().from(apiKeys).where(eq(apiKeys.id, id)))
  return (
    row && {
      accountId: row.accountId as AccountId,
      hash: row.hash,
      expiresAt: row.expiresAt?.getTime() ?? null,
      revokedAt: row.revokedAt?.getTime() ?? null,
    }
  )
}

/** False when there is no such account. */
export async function createApiKey(
  db: Database,
  key: { id: ApiKeyId; accountId: AccountId; hash: string; name: string },
): Promise<boolean> {
  try {
    await ask(db.insert(apiKeys).values(key))
    return true
  } catch (error) {
    if (error instanceof DbError && error.code === NO_SUCH_PARENT) return false
    throw error
  }
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
