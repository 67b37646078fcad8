import { randomBytes } from 'node:crypto'
import { accountTransfers } from '@infernet/schemas/settlement-tables'
import type { Database } from '@infernet/settlement/db/database'
import { post } from '@infernet/settlement/db/post'
import { posting } from '@infernet/settlement/ledger/posting'
import type { StoreRig } from '@infernet/settlement/testing/stores-rig'
import { eq } from 'drizzle-orm'
import { balancesOf } from '../ledger.ts'

/** A name that no other test has. */
export const newName = (): string => randomBytes(12).toString('hex')

/** A store over the journal that all suites of a database share. */
export const pgRig = <Store>(db: Database, store: Store): StoreRig<Store> => ({
  store,
  balanceOf: async (code) => (await balancesOf(db, [code])).get(code) ?? 0n,
  async fund(code, amountMsat) {
    const funding = posting(`test:${newName()}`, 'grant', [
      ['equity:operator', -amountMsat],
      [code, amountMsat],
    ])
    await post(db, funding, new Date(0))
  },
  told: (reference) =>
    db
      .select({ accountId: accountTransfers.accountId, amountMsat: accountTransfers.amountMsat })
      .from(accountTransfers)
      .where(eq(accountTransfers.reference, reference)),
})
