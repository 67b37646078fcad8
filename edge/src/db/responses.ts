import { and, eq, gt, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { AccountId } from '@infernet/schemas/ids'
import { responses } from '@infernet/schemas/tables'
import type { StoredResponse } from '../ports.ts'
import { ask, askRows, type Database, iso, toJsonb } from '@infernet/settlement/db/database'

/** Expired rows that each write deletes: more than it adds, so that they never gather. */
export const PURGED_PER_WRITE = 10

const itemsSchema = z.array(z.unknown())

/**
 * Stores a response, or what has become of it. A row of another account is left alone. Deletes up to
 * {@link PURGED_PER_WRITE} rows that have expired by `now`, the oldest first.
 */
export async function storeResponse(
  db: Database,
  stored: StoredResponse,
  now: Date,
): Promise<void> {
  const { id, accountId } = stored
  const [createdAt, expiresAt] = [iso(stored.createdAt), iso(stored.expiresAt)]
  await askRows(
    db,
    // A row that another writer purges now is skipped; waiting for it could end in a deadlock.
    sql`
    with purged as (
      delete from responses where id in (
        select id from responses where expires_at <= ${now.toISOString()} and id <> ${id}
        order by expires_at limit ${PURGED_PER_WRITE} for update skip locked
      )
    )
    insert into responses (id, account_id, created_at, expires_at, response, input_items)
    values (
      ${id}, ${accountId}, ${createdAt}, ${expiresAt},
      ${toJsonb(stored.response)}::jsonb, ${toJsonb(stored.inputItems)}::jsonb
    )
    on conflict (id) do update set
      created_at = excluded.created_at, expires_at = excluded.expires_at,
      response = excluded.response, input_items = excluded.input_items
    where responses.account_id = excluded.account_id`,
  )
}

/** A response of this account, unless it has expired by `now`. */
export async function findResponse(
  db: Database,
  accountId: AccountId,
  id: string,
  now: Date,
): Promise<StoredResponse | undefined> {
  const [row] = await ask(
    db
      .select()
      .from(responses)
      .where(and(own(accountId, id), gt(responses.expiresAt, now))),
  )
  return (
    row && {
      id,
      accountId,
      createdAt: row.createdAt.getTime(),
      expiresAt: row.expiresAt.getTime(),
      response: row.response,
      inputItems: itemsSchema.parse(row.inputItems),
    }
  )
}

/** False when the account has no such response. */
export async function deleteResponse(
  db: Database,
  accountId: AccountId,
  id: string,
): Promise<boolean> {
  const deleted = await ask(
    db.delete(responses).where(own(accountId, id)).returning({ id: responses.id }),
  )
  return deleted.length > 0
}

const own = (accountId: AccountId, id: string) =>
  and(eq(responses.id, id), eq(responses.accountId, accountId))
