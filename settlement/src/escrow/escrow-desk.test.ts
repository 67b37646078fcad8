import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Balances } from '../ledger/balances.ts'
import { openLnd } from '../lightning/open-lnd.ts'
import { hashOf } from '../lightning/lnd/lnd-messages.ts'
import type { SimFault } from '../lightning/sim/sim-faults.ts'
import { derivePreimage } from '../intake/derived-preimage.ts'
import { MemoryEscrowStore } from '../testing/memory-escrow-store.ts'
import { quickRim, type QuickRim } from '../testing/quick-rim.ts'
import { SimReceiver } from '../testing/sim-receiver.ts'
import { EscrowDesk } from './escrow-desk.ts'
import {
  DEFAULT_HOLD_BLOCKS,
  MAX_HOLD_BLOCKS,
  MAX_LIVE_ESCROWS,
  MIN_ESCROW_MSAT,
} from './escrow-limits.ts'
import type { EscrowDecision, EscrowOrder, EscrowRow } from './escrow-store.ts'
import { guardianHeight } from './guardian-deadline.ts'

const KEY = new Uint8Array(32).fill(3)
const PRICE = 2_000_000n
const FEE_BPS = 100
const FEE = PRICE / 100n
const POLL = { timeout: 20_000, interval: 5 }

const order = (job: string, fields: Partial<EscrowOrder> = {}): EscrowOrder => ({
  job,
  attempt: 0,
  payer: 'client:ada',
  amountMsat: PRICE,
  memo: 'a job',
  expirySeconds: 600,
  cltvExpiry: DEFAULT_HOLD_BLOCKS,
  ...fields,
})
const GOOD: EscrowDecision = {
  kind: 'settle',
  legs: [{ provider: 'peer', gross: PRICE }],
  feeBps: FEE_BPS,
}
const BAD: EscrowDecision = { kind: 'cancel', reason: 'bad_verdict' }
const preimageOf = (job: string, attempt = 0) =>
  derivePreimage(KEY, { purpose: 'escrow', id: job, attempt })
const keyOf = (job: string) => hashOf(preimageOf(job))
const bolt11Of = (row: EscrowRow) => row.bolt11 ?? expect.fail(`${row.job} has no invoice`)
const refused = (name: string, code: string) => expect.objectContaining({ name, code })

describe('the escrow desk', () => {
  let node: SimReceiver
  let ledger: Balances
  let store: MemoryEscrowStore
  let rim: QuickRim
  let desk: EscrowDesk
  let stop: AbortController
  let running: Promise<void>[]

  const newDesk = (backend = node.backend, preimageKey = KEY) =>
    new EscrowDesk({ backend, store, preimageKey, rim })
  const start = () => running.push(desk.run(stop.signal))
  const state = async (job: string) => (await store.find(keyOf(job)))?.state
  const until = (job: string, wanted: string) => expect.poll(() => state(job), POLL).toBe(wanted)
  const held = async (job: string, extraMsat = 0n) => {
    const row = await desk.open(order(job))
    expect(node.pay(bolt11Of(row), extraMsat)).toBe('held')
    await until(job, 'accepted')
    return row
  }
  const atNode = async (job: string) => (await node.backend.lookupInvoice(keyOf(job)))?.state

  beforeEach(async () => {
    node = await SimReceiver.start()
    ledger = new Balances()
    store = new MemoryEscrowStore(ledger)
    rim = quickRim(node.now)
    desk = newDesk()
    stop = new AbortController()
    running = []
  })
  afterEach(async () => {
    stop.abort()
    await Promise.all(running)
    node.close()
  })

  it('holds a payment, and pays for the job on a good verdict', async () => {
    start()
    const { paymentHash } = await held('a')
    expect(paymentHash).toBe(keyOf('a'))
    expect(ledger.postings).toEqual([])
    expect(await desk.decide(paymentHash, GOOD)).toMatchObject({
      state: 'settled',
      paidMsat: PRICE,
    })
    expect(await desk.decide(paymentHash, BAD)).toMatchObject({ state: 'settled', decision: GOOD })
    expect(await atNode('a')).toBe('settled')
    expect(ledger.of('provider:peer')).toBe(PRICE - FEE)
    expect(ledger.of('revenue:fee')).toBe(FEE)
    expect(ledger.of('escrow:a')).toBe(0n)
    expect(node.receivedMsat).toBe(PRICE)
  })

  it('gives everything back on a bad verdict', async () => {
    start()
    const { paymentHash } = await held('a')
    expect(await desk.decide(paymentHash, BAD)).toMatchObject({
      state: 'cancelled',
      cancelReason: 'bad_verdict',
    })
    expect(await desk.decide(paymentHash, GOOD)).toMatchObject({ state: 'cancelled' })
    expect(await atNode('a')).toBe('canceled')
    expect(ledger.postings).toEqual([])
  })

  it('credits the payer with what was paid above the price', async () => {
    start()
    const { paymentHash } = await held('a', 5n)
    await desk.decide(paymentHash, GOOD)
    expect(ledger.of('client:ada')).toBe(5n)
    expect(ledger.of('provider:peer')).toBe(PRICE - FEE)
    expect(ledger.position().had).toBe(node.receivedMsat)
  })

  it("forces the decision at the guardian's height, not before", async () => {
    start()
    await held('a')
    const end = (await store.find(keyOf('a')))?.htlcExpiryHeight ?? 0
    node.mine(guardianHeight(end) - node.blockHeight - 1)
    await desk.open(order('later'))
    await until('later', 'open')
    expect(await state('a')).toBe('accepted')
    node.mine(1)
    await until('a', 'cancelled')
    expect(await store.find(keyOf('a'))).toMatchObject({ cancelReason: 'guardian' })
    expect(await atNode('a')).toBe('canceled')
  })

  it('sees that LND gave the money back by itself, with a verdict or without', async () => {
    const [a, b] = [await desk.open(order('a')), await desk.open(order('b'))]
    for (const row of [a, b]) {
      node.pay(bolt11Of(row))
      const invoice = await node.backend.lookupInvoice(row.paymentHash)
      const { paidMsat = 0n, htlcExpiryHeight } = invoice ?? {}
      await store.accepted(row.paymentHash, { paidMsat, htlcExpiryHeight })
    }
    await store.decided(b.paymentHash, GOOD)
    node.mine(DEFAULT_HOLD_BLOCKS)
    expect(await atNode('a')).toBe('canceled')
    start()
    for (const job of ['a', 'b']) {
      await until(job, 'cancelled')
      expect(await store.find(keyOf(job))).toMatchObject({ cancelReason: 'auto_cancelled' })
    }
    expect(ledger.postings).toEqual([])
  })

  it('lets an unpaid invoice expire, and keeps what was paid in time', async () => {
    start()
    const unpaid = await desk.open(order('a'))
    await held('b')
    node.pass(601)
    await until('a', 'cancelled')
    expect(await store.find(unpaid.paymentHash)).toMatchObject({ cancelReason: 'expired' })
    expect(await desk.decide(keyOf('b'), GOOD)).toMatchObject({ state: 'settled' })
    const again = await desk.open(order('a', { attempt: 1 }))
    expect(again).toMatchObject({ state: 'open', paymentHash: hashOf(preimageOf('a', 1)) })
  })

  it('withdraws what nobody has paid yet', async () => {
    const withdrawn: EscrowDecision = { kind: 'cancel', reason: 'withdrawn' }
    const row = await desk.open(order('a'))
    expect(await desk.decide(row.paymentHash, withdrawn)).toMatchObject({
      state: 'cancelled',
      cancelReason: 'withdrawn',
    })
    expect(node.pay(bolt11Of(row))).toBe('refused')
    node.faults.plan('AddHoldInvoice', { kind: 'refuse' })
    await expect(desk.open(order('b'))).rejects.toMatchObject({ code: 'unavailable' })
    expect(await desk.decide(keyOf('b'), withdrawn)).toMatchObject({ state: 'cancelled' })
  })

  it('has the same invoice for the same order, through lost answers', async () => {
    node.faults.plan('AddHoldInvoice', { kind: 'cut' })
    await expect(desk.open(order('a'))).rejects.toMatchObject({ code: 'unavailable' })
    const { bolt11 } = await desk.open(order('a'))
    expect(await newDesk().open(order('a'))).toMatchObject({ bolt11, state: 'open' })
    expect(node.invoiceCount).toBe(1)
    const other = order('a', { amountMsat: PRICE + 1n })
    await expect(desk.open(other)).rejects.toEqual(refused('IntakeError', 'order_conflict'))
  })

  it.each<SimFault>([{ kind: 'refuse' }, { kind: 'cut' }, { kind: 'slow', ms: 50 }])(
    'carries a verdict out later: %j',
    async (fault) => {
      start()
      const [a, b] = [await held('a'), await held('b')]
      node.faults.plan('SettleInvoice', fault)
      node.faults.plan('CancelInvoice', fault)
      await desk.decide(a.paymentHash, GOOD)
      await desk.decide(b.paymentHash, BAD)
      await until('a', 'settled')
      await until('b', 'cancelled')
      expect(ledger.of('provider:peer')).toBe(PRICE - FEE)
      expect(node.receivedMsat).toBe(PRICE)
    },
  )

  it('watches again at its start, and when the node was away', async () => {
    const row = await desk.open(order('a'))
    node.pay(bolt11Of(row))
    desk = newDesk()
    start()
    await until('a', 'accepted')
    const other = await desk.open(order('b'))
    node.faults.plan('SubscribeSingleInvoice', { kind: 'refuse' }, { kind: 'cut' })
    await node.restart()
    node.pay(bolt11Of(other))
    await until('b', 'accepted')
  })

  it('owes the payer what was settled without a verdict', async () => {
    start()
    await held('a')
    await node.backend.settle(preimageOf('a'))
    await until('a', 'settled')
    expect(ledger.of('client:ada')).toBe(PRICE)
    expect(ledger.of('escrow:a')).toBe(0n)
  })

  it('refuses verdicts that come too early or do not add up', async () => {
    const { paymentHash } = await desk.open(order('a'))
    const tooEarly = desk.decide(paymentHash, GOOD)
    await expect(tooEarly).rejects.toEqual(refused('EscrowError', 'not_accepted'))
    for (const legs of [
      [{ provider: 'peer', gross: PRICE - 1n }],
      [
        { provider: 'peer', gross: PRICE + 1n },
        { provider: 'thief', gross: -1n },
      ],
    ])
      await expect(desk.decide(paymentHash, { ...GOOD, legs })).rejects.toEqual(
        refused('EscrowError', 'bad_verdict'),
      )
    const unheard = desk.decide('ff'.repeat(32), BAD)
    await expect(unheard).rejects.toEqual(refused('IntakeError', 'unknown_row'))
  })

  it('refuses what is beyond its limits', async () => {
    for (const wrong of [
      { amountMsat: MIN_ESCROW_MSAT - 1n },
      { expirySeconds: 1 },
      { cltvExpiry: 35 },
      { cltvExpiry: 40.5 },
      { cltvExpiry: MAX_HOLD_BLOCKS + 1 },
    ])
      await expect(desk.open(order('a', wrong))).rejects.toEqual(
        refused('IntakeError', 'bad_order'),
      )
    const rows = Array.from({ length: MAX_LIVE_ESCROWS }, (_, index) => order(`job${index}`))
    for (const row of rows)
      await store.create({ ...row, paymentHash: keyOf(row.job), createdAt: node.now() })
    await expect(desk.open(order('a'))).rejects.toEqual(refused('EscrowError', 'too_many'))
    expect(await desk.open(order('job0'))).toMatchObject({ state: 'open' })
  })

  it('goes on with the others when one row is in trouble', async () => {
    const foreign = { ...order('a'), paymentHash: '00'.repeat(32), createdAt: node.now() }
    await store.create(foreign)
    await store.create({ ...order('b'), paymentHash: keyOf('b'), createdAt: node.now() })
    start()
    await until('b', 'open')
    expect(rim.problems[0]).toMatchObject({ id: foreign.paymentHash, error: { code: 'wrong_key' } })
  })

  it('ends with an error that waiting does not cure, and when told to', async () => {
    const backend = await openLnd(node.address(['/lnrpc.Lightning/GetInfo']))
    await desk.open(order('a'))
    const run = newDesk(backend).run(stop.signal)
    await expect(run).rejects.toMatchObject({ name: 'LightningError', code: 'permission' })
    backend.close()
    await desk.run(AbortSignal.abort())
  })
})
