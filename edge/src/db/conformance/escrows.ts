import { openDatabase, type Database } from '@infernet/settlement/db/database'
import { DbUnavailable } from '@infernet/settlement/db/db-port'
import { testEscrowStore } from '@infernet/settlement/escrow/escrow-store-conformance'
import { PgEscrowStore } from '@infernet/settlement/escrow/pg-escrow-store'
import { describe, expect, it } from 'vitest'
import { newName, pgRig } from './store-rig.ts'

const noAnswer = () => Promise.reject(new DbUnavailable('gone'))

export function testEscrows(open: () => Database): void {
  describe('escrows in Postgres', () => {
    testEscrowStore(async () => pgRig(open(), new PgEscrowStore({ db: open() })))

    it('refuses another hash for the same attempt of a job', async () => {
      const store = new PgEscrowStore({ db: open() })
      const order = {
        job: `pj_${newName()}`,
        attempt: 0,
        payer: `client:acct_${newName()}`,
        amountMsat: 1_000n,
        memo: '',
        expirySeconds: 600,
        cltvExpiry: 144,
        paymentHash: newName(),
        createdAt: 1,
      } as const
      await store.create(order)
      const conflict = { name: 'IntakeError', code: 'order_conflict' }
      const other = { ...order, paymentHash: newName() }
      await expect(store.create(other)).rejects.toMatchObject(conflict)
    })

    it('says when the database gives no answer', async () => {
      const store = new PgEscrowStore({ db: openDatabase({ query: noAnswer }) })
      const unavailable = { name: 'IntakeError', code: 'store_unavailable' }
      await expect(store.find('x')).rejects.toMatchObject(unavailable)
      await expect(store.settled('x', 1n)).rejects.toMatchObject(unavailable)
    })
  })
}
