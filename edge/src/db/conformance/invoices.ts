import { topUps } from '@infernet/schemas/settlement-tables'
import { DbUnavailable } from '@infernet/settlement/db/db-port'
import { openDatabase, type Database } from '@infernet/settlement/db/database'
import { testInvoiceStore } from '@infernet/settlement/intake/invoice-store-conformance'
import { PgInvoiceStore } from '@infernet/settlement/intake/pg-invoice-store'
import { eq } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { newName, pgRig } from './store-rig.ts'

type Ordered = typeof topUps.$inferInsert

/** A hash of no preimage that anybody knows. */
const newHash = () => (newName() + newName() + newName()).slice(0, 64)

/** What the settler asks for to carry an order out. */
const asked = (order: Ordered, paymentHash = newHash()) => ({
  id: order.id,
  to:
    typeof order.accountId === 'string'
      ? (`client:${order.accountId}` as const)
      : (`l402:${paymentHash}` as const),
  amountMsat: order.amountMsat,
  memo: order.memo,
  expirySeconds: order.expirySeconds,
  paymentHash,
  createdAt: 1_700_000_000,
})

const noAnswer = () => Promise.reject(new DbUnavailable('gone'))

export function testInvoices(open: () => Database): void {
  const newStore = () => new PgInvoiceStore({ db: open(), nodePubkey: newName() })
  const ordered = async (changes: Partial<Ordered> = {}) => {
    const accountId = `acct_${newName()}`
    const order = {
      id: `top_${newName()}`,
      accountId,
      creditedTo: `client:${accountId}`,
      amountMsat: 9_000n,
      memo: 'ordered',
      expirySeconds: 900,
      createdAt: 1_600_000_000,
      ...changes,
    }
    await open().insert(topUps).values(order)
    return order
  }
  describe('top-ups in Postgres', () => {
    testInvoiceStore(async () => pgRig(open(), newStore()))

    it.each(['an account', 'a bundle'])(
      'become of what the edge has ordered: %s',
      async (whose) => {
        const store = newStore()
        const order = await ordered(
          whose === 'a bundle' ? { accountId: null, creditedTo: null } : undefined,
        )
        const { id, accountId, amountMsat, memo, expirySeconds } = order
        const orders = await store.orders(1_000)
        expect(orders).toContainEqual({ id, accountId, amountMsat, memo, expirySeconds })
        expect(await store.find(id)).toBeUndefined()
        expect((await store.unfinished('', 1_000)).map((topUp) => topUp.id)).not.toContain(id)

        const request = asked(order)
        const topUp = { ...request, state: 'requested', createdAt: order.createdAt }
        expect(await store.create(request)).toMatchObject(topUp)
        expect(await store.create(request)).toMatchObject(topUp)
        expect((await store.orders(1_000)).map((each) => each.id)).not.toContain(id)
        const paid = { paymentHash: request.paymentHash, paidMsat: amountMsat, settleIndex: 1n }
        expect(await store.settled(paid)).toBe('credited')
        const [row] = await open().select().from(topUps).where(eq(topUps.id, id))
        expect(row).toMatchObject({
          accountId,
          creditedTo: request.to,
          settledAt: expect.any(Date),
        })
      },
    )

    it('takes the oldest order first', async () => {
      const order = await ordered({ createdAt: 1 })
      expect(await newStore().orders(1)).toMatchObject([{ id: order.id }])
      await newStore().create(asked(order))
    })

    it.each([
      { amountMsat: 1n },
      { memo: 'else' },
      { expirySeconds: 1 },
      { to: 'client:acct_else' as const },
      { to: 'l402:else' as const },
    ])('refuses %o for what was ordered', async (change) => {
      const order = await ordered()
      const request = { ...asked(order), ...change }
      const conflict = { name: 'IntakeError', code: 'order_conflict' }
      await expect(newStore().create(request)).rejects.toMatchObject(conflict)
      await newStore().create(asked(order))
    })

    it('refuses a hash that another top-up has', async () => {
      const first = asked(await ordered())
      await newStore().create(first)
      const second = asked(await ordered(), first.paymentHash)
      const conflict = { name: 'IntakeError', code: 'order_conflict' }
      await expect(newStore().create(second)).rejects.toMatchObject(conflict)
      await newStore().create({ ...second, paymentHash: newHash() })
    })

    it('counts the settled invoices of each node by themselves', async () => {
      const [one, other] = [newStore(), newStore()]
      await one.settled({ paymentHash: newHash(), paidMsat: 1n, settleIndex: 9n })
      expect([await one.settleIndex(), await other.settleIndex()]).toEqual([9n, 0n])
    })

    it('says when the database gives no answer', async () => {
      const store = new PgInvoiceStore({
        db: openDatabase({ query: noAnswer }),
        nodePubkey: newName(),
      })
      const unavailable = { name: 'IntakeError', code: 'store_unavailable' }
      await expect(store.find('x')).rejects.toMatchObject(unavailable)
      await expect(store.orders(1)).rejects.toMatchObject(unavailable)
      await expect(store.expired('x')).rejects.toMatchObject(unavailable)
    })
  })
}
