import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Balances } from '../ledger/balances.ts'
import { topUpSettled } from '../ledger/credit-events.ts'
import type {
  LightningBackend,
  PaymentOrder,
  PaymentOutcome,
  TrackOutcome,
} from '../lightning/lightning-backend.ts'
import { hashOf } from '../lightning/lnd/lnd-messages.ts'
import { MemoryPayoutStore } from '../testing/memory-payout-store.ts'
import { PayoutRig, type PayeeManner } from '../testing/payout-rig.ts'
import { keysendPreimage } from './keysend-preimage.ts'
import { PayoutEngine, PayoutEngineError, type PayoutEngineOptions } from './payout-engine.ts'
import type { PayoutNotice } from './payout-hooks.ts'
import type { PayoutDestination, PayoutDraft } from './payout-store.ts'

const CREDIT = 10_000_000n
const AMOUNT = 50_000n
/** The hub's. */
const ROUTING = 1000n
const KEY = new Uint8Array(32).fill(7)
const ASK: PayoutDestination = { kind: 'ask', whom: 'the payee' }

let rig: PayoutRig
let lightning: LightningBackend
let balances: Balances
let store: MemoryPayoutStore
let stop: AbortController
let notices: PayoutNotice[]
let ids = 0

beforeAll(async () => {
  rig = await PayoutRig.start()
  lightning = await rig.connect()
})
afterAll(() => rig.close())
beforeEach(() => {
  balances = new Balances()
  for (const client of ['c', 'd'] as const)
    balances.post(topUpSettled({ paymentHash: client, to: `client:${client}`, amount: CREDIT }))
  store = new MemoryPayoutStore(balances)
  stop = new AbortController()
  notices = []
})

const draft = (destination: PayoutDestination, more: Partial<PayoutDraft> = {}): PayoutDraft => ({
  id: `payout-${++ids}`,
  owner: 'client:c',
  amountMsat: AMOUNT,
  feeReserveMsat: 0n,
  feeLimitMsat: ROUTING,
  destination,
  ...more,
})
const engineWith = (more: Partial<PayoutEngineOptions> = {}) =>
  new PayoutEngine({
    store,
    lightning,
    node: { pubkey: rig.payer.pubkey, network: 'regtest' },
    keysendKey: KEY,
    requestInvoice: async () => rig.invoice(AMOUNT),
    hooks: rig.hooks({ report: (notice) => notices.push(notice) }),
    signal: stop.signal,
    ...more,
  })
const invoices = (...manners: readonly PayeeManner[]) => {
  const left = [...manners]
  return async () => rig.invoice(AMOUNT, left.shift())
}
const sent = () => rig.payer.payments.all().length
const untouched = () => {
  expect(balances.of('client:c')).toBe(CREDIT)
  expect(balances.of('asset:ln')).toBe(-2n * CREDIT)
}

describe('a payout', () => {
  it.each<[string, () => PayoutDestination]>([
    ['to an invoice', () => ({ kind: 'bolt11', bolt11: rig.invoice(AMOUNT) })],
    ['to who is asked for one', () => ({ ...ASK, payee: rig.payee.pubkey })],
    ['by keysend', () => ({ kind: 'keysend', pubkey: rig.payee.pubkey })],
  ])('arrives once %s, with its proof', async (_, destination) => {
    const before = rig.has(rig.payee)
    const order = draft(destination(), { feeReserveMsat: 600n })
    const engine = engineWith()
    const [payout, again] = await Promise.all([engine.pay(order), engine.pay(order)])
    expect(again).toEqual(payout)
    const [attempt] = payout.attempts
    expect(payout).toMatchObject({ state: 'succeeded', attempts: [{ state: 'succeeded' }] })
    expect(hashOf(attempt?.proof?.preimage ?? '')).toBe(attempt?.paymentHash)
    expect(attempt?.proof?.feeMsat).toBe(ROUTING)
    expect(rig.has(rig.payee) - before).toBe(AMOUNT)
    expect(balances.of('client:c')).toBe(CREDIT - AMOUNT - 600n)
    expect(balances.of('expense:routing')).toBe(-400n)
    expect(balances.of('asset:ln')).toBe(-2n * CREDIT + AMOUNT + ROUTING)
  })

  it('is tried again with another invoice when the node has failed it', async () => {
    const requestInvoice = invoices('refuses', 'holds_and_gives_back', 'takes')
    const payout = await engineWith({ requestInvoice }).pay(draft(ASK))
    expect(payout.attempts.map(({ state }) => state)).toEqual(['failed', 'failed', 'succeeded'])
    expect(new Set(payout.attempts.map(({ paymentHash }) => paymentHash)).size).toBe(3)
    expect(balances.postings.map(({ kind }) => kind)).toEqual([
      'topup',
      'topup',
      'payout_start',
      'payout_ok',
    ])
  })

  it('comes back when the node has failed all attempts', async () => {
    const requestInvoice = async () => rig.invoice(AMOUNT, 'refuses')
    const payout = await engineWith({ requestInvoice }).pay(draft(ASK))
    expect(payout).toMatchObject({ state: 'failed', failure: 'incorrect_payment_details' })
    expect(payout.attempts).toHaveLength(3)
    untouched()
  })

  it('to one invoice is tried once', async () => {
    const bolt11 = rig.invoice(AMOUNT, 'refuses')
    const payout = await engineWith().pay(draft({ kind: 'bolt11', bolt11 }))
    expect(payout).toMatchObject({ state: 'failed', failure: 'incorrect_payment_details' })
    expect(payout.attempts).toHaveLength(1)
    untouched()
  })

  it.each<[string, string, () => PayoutDestination]>([
    ['another amount', 'amount', () => ({ kind: 'bolt11', bolt11: rig.invoice(AMOUNT + 1n) })],
    ['another payee', 'payee', () => ({ ...ASK, payee: rig.payer.pubkey })],
    ['our own node', 'self', () => ({ kind: 'keysend', pubkey: rig.payer.pubkey })],
  ])('to %s is never sent', async (_, failure, destination) => {
    const before = sent()
    const payout = await engineWith().pay(draft(destination()))
    expect(payout).toMatchObject({ state: 'failed', failure, attempts: [] })
    expect(sent()).toBe(before)
    untouched()
  })

  it('is not taken for paid because its invoice has been paid before', async () => {
    const bolt11 = rig.invoice(AMOUNT)
    const engine = engineWith()
    await engine.pay(draft({ kind: 'bolt11', bolt11 }))
    const owner = 'client:d'
    const second = await engine.pay(draft({ kind: 'bolt11', bolt11 }, { owner }))
    expect(second).toMatchObject({ state: 'failed', failure: 'hash_used' })
    expect(balances.of(owner)).toBe(CREDIT)
  })

  it('comes back when nobody gives an invoice', async () => {
    let asked = 0
    const requestInvoice = async () => {
      asked++
      throw new Error('away')
    }
    const payout = await engineWith({ requestInvoice }).pay(draft(ASK))
    expect(payout).toMatchObject({ state: 'failed', failure: 'no_invoice', attempts: [] })
    expect(asked).toBe(3)
    untouched()
  })

  it('is one at a time for its owner, who must have the money', async () => {
    const engine = engineWith()
    const paying = engine.pay(draft(ASK))
    await expect(engine.pay(draft(ASK))).rejects.toMatchObject({ code: 'payee_busy' })
    await paying
    const tooMuch = draft(ASK, { amountMsat: CREDIT })
    await expect(engine.pay(tooMuch)).rejects.toMatchObject({ code: 'uncovered' })
    expect(await store.unfinished('', 10)).toEqual([])
  })

  it('that was recorded and never sent fails with the date of its invoice, and only then', async () => {
    const order = draft(ASK)
    await store.open(order)
    const bolt11 = rig.invoice(AMOUNT)
    const { paymentHash } = await lightning.decode(bolt11)
    const to = { kind: 'bolt11', bolt11 } as const
    await store.recordAttempt({ payout: order.id, number: 1, paymentHash, to })
    rig.passTime(7_200_000)
    const payout = await engineWith().pay(order)
    expect(payout).toMatchObject({
      state: 'succeeded',
      attempts: [{ state: 'failed', failure: 'invoice_expired' }, { state: 'succeeded' }],
    })
  })
})

/** A node that says what it is told to, and keeps what it was asked to pay. */
function scripted(outcomes: readonly (TrackOutcome | Error)[]) {
  const left = [...outcomes]
  const orders: PaymentOrder[] = []
  const answer = async () => {
    const next = left.shift()
    if (next instanceof Error) throw next
    return next ?? { status: 'unknown' as const, reason: 'the script is over' }
  }
  const pay = async (order: PaymentOrder) => {
    orders.push(order)
    return (await answer()) as PaymentOutcome
  }
  return { orders, left, node: { pay, track: answer } }
}

describe('the engine', () => {
  const KEYSEND = { kind: 'keysend', pubkey: `02${'11'.repeat(32)}` } as const
  const unknown = { status: 'unknown', reason: 'the connection was lost' } as const
  const proven = (id: string): PaymentOutcome => ({
    status: 'succeeded',
    preimage: keysendPreimage(KEY, id, 1),
    amountMsat: AMOUNT,
    feeMsat: 0n,
  })

  it('gives nothing back on a guess, and sends the same again', async () => {
    const order = draft(KEYSEND)
    const script = scripted([
      unknown,
      { status: 'not_found' },
      new Error('invalid'),
      unknown,
      { status: 'in_flight' },
      { status: 'in_flight' },
      { status: 'not_found' },
      unknown,
      { ...proven(order.id), preimage: '00'.repeat(32) } as TrackOutcome,
      proven(order.id),
    ])
    const payout = await engineWith({ lightning: script.node }).pay(order)
    expect(payout).toMatchObject({ state: 'succeeded', attempts: [{ state: 'succeeded' }] })
    expect(script.left).toEqual([])
    expect(script.orders.length).toBeGreaterThan(2)
    for (const again of script.orders) expect(again).toEqual(script.orders[0])
    expect(balances.postings.filter(({ kind }) => kind === 'payout_failed')).toEqual([])
    expect(notices.every(({ kind }) => kind === 'unknown')).toBe(true)
  })

  it('posts nothing when the node reports another amount', async () => {
    const order = draft(KEYSEND)
    const other = { ...proven(order.id), amountMsat: AMOUNT + 1n } as PaymentOutcome
    const { node } = scripted([other, proven(order.id)])
    const payout = await engineWith({ lightning: node }).pay(order)
    expect(payout).toMatchObject({ state: 'succeeded', attempts: [{ state: 'succeeded' }] })
    expect(notices).toEqual([
      { kind: 'stumbled', payout: order.id, error: expect.any(PayoutEngineError) },
    ])
  })

  it('goes on when the store was away after the money had gone', async () => {
    const order = draft(ASK)
    const before = sent()
    let away = 3
    class Flaky extends MemoryPayoutStore {
      override async succeed(...proof: Parameters<MemoryPayoutStore['succeed']>): Promise<void> {
        if (away-- > 0) throw new Error('the store is away')
        await super.succeed(...proof)
        if (away === -1) throw new Error('its answer was lost')
      }
    }
    const payout = await engineWith({ store: new Flaky(balances) }).pay(order)
    expect(payout).toMatchObject({ state: 'succeeded', attempts: [{ state: 'succeeded' }] })
    expect(sent()).toBe(before + 1)
    expect(balances.of('client:c')).toBe(CREDIT - AMOUNT)
    expect(notices.filter(({ kind }) => kind === 'stumbled')).toHaveLength(4)
  })

  it('stops at once, and leaves the rest to the next one', async () => {
    const order = draft(ASK)
    const began = Promise.withResolvers<void>()
    const pay = async (_: PaymentOrder, signal?: AbortSignal): Promise<PaymentOutcome> => {
      began.resolve()
      await new Promise((resolve) => signal?.addEventListener('abort', resolve))
      return unknown
    }
    const paying = engineWith({ lightning: { ...lightning, pay } }).pay(order)
    await began.promise
    stop.abort(new Error('stopped'))
    await expect(paying).rejects.toThrow('stopped')
    expect(await store.read(order.id)).toMatchObject({ state: 'paying' })
    expect(balances.of('client:c')).toBe(CREDIT - AMOUNT)
    await engineWith({ signal: new AbortController().signal }).resume()
    expect(await store.read(order.id)).toMatchObject({ state: 'succeeded' })
  })

  it('asks the node for so much at a time, and drives all that is unfinished', async () => {
    const owners = Array.from({ length: 12 }, (_, i) => `provider:${i}` as const)
    for (const owner of owners) {
      balances.post({
        key: owner,
        kind: 'grant',
        entries: [
          { account: 'equity:operator', amount: -AMOUNT },
          { account: owner, amount: AMOUNT },
        ],
      })
      await store.open(draft(ASK, { owner }))
    }
    let [running, most] = [0, 0]
    const pay = async (order: PaymentOrder, signal?: AbortSignal) => {
      most = Math.max(most, ++running)
      return await lightning.pay(order, signal).finally(() => running--)
    }
    await engineWith({ lightning: { ...lightning, pay }, maxCalls: 3 }).resume()
    expect(most).toBe(3)
    expect(await store.unfinished('', 10)).toEqual([])
    for (const owner of owners) expect(balances.of(owner)).toBe(0n)
  })
})
