import { eq } from 'drizzle-orm'
import type { AccountId } from '@infernet/schemas/ids'
import { accounts } from '@infernet/schemas/tables'
import type { SpendLimits, StoredAccount } from '../ports.ts'
import { ask, type Database } from '@infernet/settlement/db/database'

export const ACCOUNT_LIMITS = {
  requestsPerMinute: accounts.requestsPerMinute,
  tokensPerMinute: accounts.tokensPerMinute,
  maxConcurrent: accounts.maxConcurrent,
  budgetMsatPerDay: accounts.budgetMsatPerDay,
}

/** Limits that are not named are the table's defaults. Returns all of them. */
export async function createAccount(
  db: Database,
  account: { id: AccountId; name: string; limits: Partial<SpendLimits> },
): Promise<SpendLimits> {
  const { id, name, limits } = account
  const [row] = await ask(
    db
      .insert(accounts)
      .values({ id, name, ...limits })
      .returning(ACCOUNT_LIMITS),
  )
  if (row === undefined) throw new TypeError('an insert returned no row')
  return row
}

/** Undefined when there is no such account. */
export async function findAccount(db: Database, id: AccountId): Promise<StoredAccount | undefined> {
  const [row] = await ask(
    db
      .select({ name: accounts.name, limits: ACCOUNT_LIMITS })
      .from(accounts)
      .where(eq(accounts.id, id)),
  )
  return row
}

/** Returns all limits as they are now, or undefined when there is no such account. */
export async function changeAccount(
  db: Database,
  id: AccountId,
  limits: Partial<SpendLimits>,
): Promise<SpendLimits | undefined> {
  const [row] = await ask(
    db.update(accounts).set(limits).where(eq(accounts.id, id)).returning(ACCOUNT_LIMITS),
  )
  return row
}
