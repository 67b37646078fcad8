import type { AccountId } from '@infernet/schemas/ids'
import { accounts } from '@infernet/schemas/tables'
import { ask, type Database } from './database.ts'

export async function createAccount(db: Database, id: AccountId, name: string): Promise<void> {
  await ask(db.insert(accounts).values({ id, name }))
}
