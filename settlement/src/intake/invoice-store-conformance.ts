// What every store of top-ups does, run against the one in memory and those in Postgres.
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { OpenRig, StoreRig } from '../testing/stores-rig.ts'
import type { InvoiceStore, NewTopUp, TopUp } from './invoice-store.ts'

const HASH_BYTES = 32
const AT_ONCE = 50
const AMOUNT = 5_000n

const newName = () => randomBytes(12).toString('hex')
const newHash = () => randomBytes(HASH_BYTES).toString('hex')
const newOrder = (changes: Partial<NewTopUp> = {}): NewTopUp => ({
  id: `top_${newName()}`,
  to: `client:acct_${newName()}`,
  amountMsat: AMOUNT,
  memo: 'credit',
  expirySeconds: 600,
  paymentHash: newHash(),
  createdAt: 1_700_000_000,
  ...changes,
})
const invoiceOf = ({ id }: NewTopUp) => ({ bolt11: `lnbcrt1${id}`, expiresAt: 1_700_000_600 })
const pay = ({ paymentHash }: NewTopUp, settleIndex: bigint, paidMsat = AMOUNT) => ({
  paymentHash,
  paidMsat,
  settleIndex,
})
const code = (value: string) => expect.objectContaining({ name: 'IntakeError', code: value })
const repeated = <T>(action: () => Promise<T>) =>
  Promise.all(Array.from({ length: AT_ONCE }, action))

/** Registers the suite; to be called inside a `describe`. */
export function testInvoiceStore(open: OpenRig<InvoiceStore>): void {
  /** A top-up that can be paid, or is expired. */
  const created = async (state: 'requested' | 'open' | 'expired' = 'open', order = newOrder()) => {
    const rig = await open()
    await rig.store.create(order)
    if (state !== 'requested') await rig.store.opened(order.paymentHash, invoiceOf(order))
    if (state === 'expired') await rig.store.expired(order.paymentHash)
    return { ...rig, order, hash: order.paymentHash }
  }

  describe('creates a top-up', () => {
    it('once for its id, also when the answer is lost', async () => {
      const { store } = await open()
      const order = newOrder()
      expect(await store.find(order.id)).toBeUndefined()
      const row = {
        ...order,
        state: 'requested',
        bolt11: undefined,
        expiresAt: undefined,
        paidMsat: 0n,
      }
      expect(await store.create(order)).toEqual(row)
      expect(await store.create({ ...order, createdAt: order.createdAt + 9 })).toEqual(row)
      expect(await store.find(order.id)).toEqual(row)
    })

    it('once for all who ask at once', async () => {
      const { store } = await open()
      const order = newOrder()
      const rows = await repeated(() => store.create(order))
      expect(new Set(rows.map(({ paymentHash }) => paymentHash))).toEqual(
        new Set([order.paymentHash]),
      )
    })

    it.each<Partial<NewTopUp>>([
      { amountMsat: AMOUNT + 1n },
      { to: 'client:acct_other' },
      { to: `l402:${newHash()}` },
      { memo: 'other' },
      { expirySeconds: 601 },
      { paymentHash: newHash() },
    ])('and none for something else: %o', async (change) => {
      const { store, order } = await created('requested')
      await expect(store.create({ ...order, ...change })).rejects.toEqual(code('order_conflict'))
      expect(await store.find(order.id)).toMatchObject(order)
    })

    it('of a bundle', async () => {
      const paymentHash = newHash()
      const order = newOrder({ to: `l402:${paymentHash}`, paymentHash })
      const rig = await created('open', order)
      expect(await rig.store.settled(pay(order, 1n))).toBe('credited')
      expect(await rig.balanceOf(order.to)).toBe(AMOUNT)
      await expectTold(rig, paymentHash, [{ accountId: `l402_${paymentHash}`, amountMsat: AMOUNT }])
    })
  })

  describe('opens it', () => {
    it('with its invoice, and changes nothing the second time', async () => {
      const { store, order, hash } = await created('requested')
      const row = { ...order, ...invoiceOf(order), state: 'open' }
      expect(await store.opened(hash, invoiceOf(order))).toMatchObject(row)
      expect(await store.opened(hash, invoiceOf(order))).toMatchObject(row)
      expect(await store.find(order.id)).toMatchObject(row)
    })

    it.each(['open', 'expired'] as const)('not with another when it is %s', async (state) => {
      const { store, hash } = await created(state)
      const other = { bolt11: 'lnbcrt1other', expiresAt: 1 }
      await expect(store.opened(hash, other)).rejects.toEqual(code('illegal_move'))
    })

    it('not when it is settled, which it stays', async () => {
      const { store, order, hash } = await created('requested')
      await store.settled(pay(order, 1n))
      expect(await store.opened(hash, invoiceOf(order))).toMatchObject({
        state: 'settled',
        bolt11: undefined,
      })
    })

    it('not when there is none', async () => {
      const { store } = await open()
      await expect(store.opened(newHash(), invoiceOf(newOrder()))).rejects.toEqual(
        code('unknown_row'),
      )
    })
  })

  describe('credits what is paid', () => {
    it.each(['requested', 'open', 'expired'] as const)('when it was %s', async (state) => {
      const rig = await created(state)
      const { store, order } = rig
      expect(await store.settled(pay(order, 7n, AMOUNT + 3n))).toBe('credited')
      expect(await store.settled(pay(order, 7n, AMOUNT + 3n))).toBe('replayed')
      expect(await store.find(order.id)).toMatchObject({ state: 'settled', paidMsat: AMOUNT + 3n })
      expect(await rig.balanceOf(order.to)).toBe(AMOUNT + 3n)
      const accountId = order.to.slice('client:'.length)
      await expectTold(rig, order.paymentHash, [{ accountId, amountMsat: AMOUNT + 3n }])
    })

    it('once, however often it is told at once', async () => {
      const rig = await created()
      const outcomes = await repeated(() => rig.store.settled(pay(rig.order, 3n)))
      expect(outcomes.filter((outcome) => outcome === 'credited')).toHaveLength(1)
      expect(outcomes.filter((outcome) => outcome === 'replayed')).toHaveLength(AT_ONCE - 1)
      expect(await rig.balanceOf(rig.order.to)).toBe(AMOUNT)
      const accountId = rig.order.to.slice('client:'.length)
      await expectTold(rig, rig.order.paymentHash, [{ accountId, amountMsat: AMOUNT }])
    })

    it('of many at once to one account', async () => {
      const rig = await open()
      const to = newOrder().to
      const orders = Array.from({ length: AT_ONCE }, () => newOrder({ to }))
      await Promise.all(orders.map((order) => rig.store.create(order)))
      await Promise.all(orders.map((order, n) => rig.store.settled(pay(order, BigInt(n + 1)))))
      expect(await rig.balanceOf(to)).toBe(AMOUNT * BigInt(AT_ONCE))
      expect(await rig.store.settleIndex()).toBe(BigInt(AT_ONCE))
    })

    it('but not nothing', async () => {
      const { store, order } = await created()
      await expect(store.settled(pay(order, 1n, 0n))).rejects.toMatchObject({ code: 'bad_amount' })
      expect(await store.find(order.id)).toMatchObject({ state: 'open', paidMsat: 0n })
      expect(await store.settleIndex()).toBe(0n)
    })

    it('and counts what is not ours', async () => {
      const { store } = await open()
      expect(await store.settled(pay(newOrder(), 4n))).toBe('not_ours')
      expect(await store.settleIndex()).toBe(4n)
    })
  })

  it('never goes back with the settle index', async () => {
    const { store, order } = await created()
    expect(await store.settleIndex()).toBe(0n)
    await store.settled(pay(newOrder(), 2n ** 60n))
    await store.settled(pay(order, 3n))
    await store.settled(pay(order, 4n))
    await store.settled(pay(newOrder(), 5n))
    expect(await store.settleIndex()).toBe(2n ** 60n)
  })

  it('expires what nobody can pay, once, and never what is settled', async () => {
    for (const state of ['requested', 'open'] as const) {
      const { store, order, hash } = await created(state)
      await store.expired(hash)
      await store.expired(hash)
      expect((await store.find(order.id))?.state).toBe('expired')
      await store.settled(pay(order, 1n))
      await store.expired(hash)
      expect((await store.find(order.id))?.state).toBe('settled')
      await expect(store.expired(newHash())).rejects.toEqual(code('unknown_row'))
    }
  })

  it('ends settled when it is paid and expires at once', async () => {
    const rig = await created()
    await Promise.all([rig.store.expired(rig.hash), rig.store.settled(pay(rig.order, 1n))])
    expect((await rig.store.find(rig.order.id))?.state).toBe('settled')
    expect(await rig.balanceOf(rig.order.to)).toBe(AMOUNT)
  })

  it('pages through what is unfinished', async () => {
    const { store } = await open()
    const orders = Array.from({ length: 7 }, () => newOrder())
    for (const order of orders) await store.create(order)
    await store.opened(orders[1]!.paymentHash, invoiceOf(orders[1]!))
    await store.expired(orders[2]!.paymentHash)
    await store.settled(pay(orders[3]!, 1n))
    const ids = orders.map(({ id }) => id)
    const seen: TopUp[] = []
    for (let page = await store.unfinished('', 3); page.length > 0;) {
      expect(page.length).toBeLessThanOrEqual(3)
      seen.push(...page)
      page = await store.unfinished(page.at(-1)!.id, 3)
    }
    const own = seen.map(({ id }) => id).filter((id) => ids.includes(id))
    expect(own).toEqual(ids.filter((_, n) => n !== 2 && n !== 3).sort())
  })
}

async function expectTold(
  rig: StoreRig<InvoiceStore>,
  paymentHash: string,
  told: readonly object[],
): Promise<void> {
  if (rig.told !== undefined) expect(await rig.told(`inv:${paymentHash}`)).toEqual(told)
}
