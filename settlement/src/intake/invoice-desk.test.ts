import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Balances } from '../ledger/balances.ts'
import type { LightningBackend } from '../lightning/lightning-backend.ts'
import { hashOf } from '../lightning/lnd/lnd-messages.ts'
import { openLnd } from '../lightning/open-lnd.ts'
import { MemoryInvoiceStore } from '../testing/memory-invoice-store.ts'
import { quickRim, type QuickRim } from '../testing/quick-rim.ts'
import { SimReceiver } from '../testing/sim-receiver.ts'
import { derivePreimage } from './derived-preimage.ts'
import { InvoiceDesk } from './invoice-desk.ts'
import type { TopUp, TopUpOrder } from './invoice-store.ts'
import {
  MAX_EXPIRY_SECONDS,
  MAX_MEMO_BYTES,
  MAX_ORDER_MSAT,
  MIN_EXPIRY_SECONDS,
  MIN_ORDER_MSAT,
} from './order-limits.ts'

const KEY = new Uint8Array(32).fill(7)
const PRICE = 50_000n
const POLL = { timeout: 20_000, interval: 5 }

const order = (id: string, fields: Partial<TopUpOrder> = {}): TopUpOrder => ({
  id,
  to: 'client:ada',
  amountMsat: PRICE,
  memo: 'credit',
  expirySeconds: 600,
  ...fields,
})
const preimageOf = (id: string) => derivePreimage(KEY, { purpose: 'topup', id, attempt: 0 })
const bolt11Of = (topUp: TopUp) => topUp.bolt11 ?? expect.fail(`${topUp.id} has no invoice`)
const refused = (code: string) => expect.objectContaining({ name: 'IntakeError', code })

describe('the invoice desk', () => {
  let node: SimReceiver
  let ledger: Balances
  let store: MemoryInvoiceStore
  let rim: QuickRim
  let desk: InvoiceDesk
  let stop: AbortController
  let running: Promise<void>[]

  const newDesk = (backend = node.backend, preimageKey = KEY) =>
    new InvoiceDesk({ backend, store, preimageKey, rim })
  const start = () => running.push(desk.run(stop.signal))
  const state = async (id: string) => (await store.find(id))?.state
  const until = (id: string, wanted: string) => expect.poll(() => state(id), POLL).toBe(wanted)

  beforeEach(async () => {
    node = await SimReceiver.start()
    ledger = new Balances()
    store = new MemoryInvoiceStore(ledger)
    rim = quickRim(node.now)
    desk = newDesk()
    stop = new AbortController()
    running = []
    node.keysend(1_000n)
  })
  afterEach(async () => {
    stop.abort()
    await Promise.all(running)
    node.close()
  })

  it('issues an invoice and credits what is paid to it', async () => {
    start()
    const topUp = await desk.issue(order('a'))
    expect(topUp).toMatchObject({
      state: 'open',
      paidMsat: 0n,
      paymentHash: hashOf(preimageOf('a')),
    })
    expect(node.pay(bolt11Of(topUp))).toBe('settled')
    await until('a', 'settled')
    expect(await store.find('a')).toMatchObject({ paidMsat: PRICE })
    expect(ledger.of('client:ada')).toBe(PRICE)
    expect(ledger.position()).toEqual({ owed: PRICE, had: PRICE, own: 0n })
  })

  it('has the same invoice for the same order, through lost answers and other desks', async () => {
    node.faults.plan('AddInvoice', { kind: 'cut' })
    await expect(desk.issue(order('a'))).rejects.toMatchObject({ code: 'unavailable' })
    expect(await state('a')).toBe('requested')
    const { bolt11 } = await newDesk().issue(order('a'))
    expect(bolt11).toMatch(/^lnbcrt/)
    expect(await Promise.all([desk.issue(order('a')), newDesk().issue(order('a'))])).toMatchObject([
      { bolt11 },
      { bolt11 },
    ])
    expect(node.invoiceCount).toBe(1)
  })

  it('refuses another order with the same id, and what is beyond its limits', async () => {
    await desk.issue(order('a'))
    for (const other of [{ amountMsat: PRICE + 1n }, { to: 'client:bob' as const }, { memo: '' }])
      await expect(desk.issue(order('a', other))).rejects.toEqual(refused('order_conflict'))
    for (const wrong of [
      { amountMsat: MIN_ORDER_MSAT - 1n },
      { amountMsat: MAX_ORDER_MSAT + 1n },
      { memo: 'x'.repeat(MAX_MEMO_BYTES + 1) },
      { expirySeconds: MIN_EXPIRY_SECONDS - 1 },
      { expirySeconds: 60.5 },
      { expirySeconds: MAX_EXPIRY_SECONDS + 1 },
    ])
      await expect(desk.issue(order('b', wrong))).rejects.toEqual(refused('bad_order'))
    await expect(desk.issue(order('b|1'))).rejects.toEqual(refused('bad_derivation'))
    const longest = { memo: 'x'.repeat(MAX_MEMO_BYTES), expirySeconds: MAX_EXPIRY_SECONDS }
    expect(await desk.issue(order('c', longest))).toMatchObject({ state: 'open' })
  })

  it('credits all of an overpayment', async () => {
    start()
    node.pay(bolt11Of(await desk.issue(order('a'))), 7n)
    await until('a', 'settled')
    expect(ledger.of('client:ada')).toBe(PRICE + 7n)
  })

  it('credits a payment that comes after it gave up', async () => {
    const topUp = await desk.issue(order('a'))
    await store.expired(topUp.paymentHash)
    expect(await desk.issue(order('a'))).toMatchObject({ state: 'expired' })
    start()
    node.pay(bolt11Of(topUp))
    await until('a', 'settled')
    expect(ledger.of('client:ada')).toBe(PRICE)
  })

  it('lets an invoice expire when the node has', async () => {
    start()
    const topUp = await desk.issue(order('a'))
    await store.create({
      ...order('never'),
      paymentHash: 'ff'.repeat(32),
      createdAt: node.now() - 601,
    })
    await until('never', 'expired')
    expect(await state('a')).toBe('open')
    node.pass(601)
    await until('a', 'expired')
    expect(node.pay(bolt11Of(topUp))).toBe('refused')
    expect(ledger.postings).toEqual([])
  })

  it('leaves an invoice alone that the node still has open', async () => {
    const { paymentHash } = await desk.issue(order('a', { expirySeconds: 600 }))
    rim = { ...rim, now: () => node.now() + 3_600 }
    desk = newDesk()
    await store.create({ ...order('last'), paymentHash: 'ff'.repeat(32), createdAt: 0 })
    start()
    await until('last', 'expired')
    expect(await state('a')).toBe('open')
    expect(await node.backend.lookupInvoice(paymentHash)).toMatchObject({ state: 'open' })
  })

  it('credits what was paid while nobody watched, from the first invoice on', async () => {
    for (const id of ['a', 'b']) node.pay(bolt11Of(await desk.issue(order(id))))
    start()
    await until('b', 'settled')
    expect(await state('a')).toBe('settled')
    stop.abort()
    await running.pop()
    for (const id of ['c', 'd']) node.pay(bolt11Of(await desk.issue(order(id))))
    stop = new AbortController()
    start()
    await until('d', 'settled')
    expect(ledger.of('client:ada')).toBe(4n * PRICE)
    expect(await store.settleIndex()).toBe(5n)
  })

  it('counts an invoice once, however often it is told of it', async () => {
    const topUp = await desk.issue(order('a'))
    const paid = { paymentHash: topUp.paymentHash, paidMsat: PRICE, settleIndex: 9n }
    expect(await store.settled(paid)).toBe('credited')
    expect(await store.settled(paid)).toBe('replayed')
    expect(await store.settled({ ...paid, settleIndex: 3n })).toBe('replayed')
    expect(await store.settleIndex()).toBe(9n)
    expect(await desk.issue(order('a'))).toMatchObject({ state: 'settled', paidMsat: PRICE })
    expect(ledger.of('client:ada')).toBe(PRICE)
  })

  it('reads past what is not ours', async () => {
    start()
    await expect.poll(() => store.settleIndex(), POLL).toBe(1n)
    const theirs = { preimage: 'ab'.repeat(32), amountMsat: 5_000n, memo: '', expirySeconds: 600 }
    const { bolt11 } = await node.backend.addInvoice(theirs)
    node.pay(bolt11)
    await expect.poll(() => store.settleIndex(), POLL).toBe(2n)
    expect(ledger.postings).toEqual([])
  })

  it('subscribes again when the node was away', async () => {
    start()
    const [a, b] = [await desk.issue(order('a')), await desk.issue(order('b'))]
    node.pay(bolt11Of(a))
    await until('a', 'settled')
    node.faults.plan('SubscribeInvoices', { kind: 'refuse' }, { kind: 'cut' }, { kind: 'refuse' })
    await node.restart()
    node.pay(bolt11Of(b))
    await until('b', 'settled')
    expect(ledger.of('client:ada')).toBe(2n * PRICE)
  })

  it('waits for a slow node, and credits all the same', async () => {
    const slow = { kind: 'slow', ms: 50 } as const
    for (const method of ['AddInvoice', 'SubscribeInvoices', 'LookupInvoiceV2'])
      node.faults.plan(method, slow, slow)
    start()
    node.pay(bolt11Of(await desk.issue(order('a'))))
    await until('a', 'settled')
    expect(ledger.of('client:ada')).toBe(PRICE)
    expect(node.invoiceCount).toBe(1)
  })

  it('opens at its start what was only requested, and is not stopped by one that it cannot', async () => {
    const foreign = { ...order('a'), paymentHash: 'ff'.repeat(32), createdAt: node.now() }
    await store.create(foreign)
    await store.create({
      ...order('b'),
      paymentHash: hashOf(preimageOf('b')),
      createdAt: node.now(),
    })
    start()
    await until('b', 'open')
    expect(await state('a')).toBe('requested')
    expect(rim.problems[0]).toMatchObject({ id: 'a', error: { code: 'wrong_key' } })
  })

  it('credits by looking what the watch has passed by', async () => {
    const topUp = await desk.issue(order('a'))
    node.pay(bolt11Of(topUp))
    await store.settled({ paymentHash: 'ee'.repeat(32), paidMsat: 1n, settleIndex: 2n })
    node.pass(601)
    start()
    await until('a', 'settled')
    expect(ledger.of('client:ada')).toBe(PRICE)
  })

  it('skips nothing when it looks before the watch has read', async () => {
    const early = await desk.issue(order('a', { expirySeconds: MAX_EXPIRY_SECONDS }))
    const late = await desk.issue(order('b'))
    for (const topUp of [early, late]) node.pay(bolt11Of(topUp))
    node.pass(601)
    let looks = 0
    const deaf: LightningBackend = {
      ...node.backend,
      watchSettled: async function* () {},
      lookupInvoice: (paymentHash) => {
        looks++
        return node.backend.lookupInvoice(paymentHash)
      },
    }
    const first = newDesk(deaf).run(stop.signal)
    await expect.poll(() => looks, POLL).toBeGreaterThan(1)
    stop.abort()
    await first
    expect(await store.settleIndex()).toBe(0n)
    stop = new AbortController()
    start()
    for (const id of ['a', 'b']) await until(id, 'settled')
  })

  it('ends with an error that waiting does not cure', async () => {
    const backend = await openLnd(node.address(['/lnrpc.Lightning/GetInfo']))
    const run = newDesk(backend).run(stop.signal)
    await expect(run).rejects.toMatchObject({ name: 'LightningError', code: 'permission' })
    backend.close()
  })

  it('stops when told to', async () => {
    start()
    await expect.poll(() => store.settleIndex(), POLL).toBe(1n)
    stop.abort()
    await Promise.all(running)
    await desk.run(AbortSignal.abort())
  })
})
