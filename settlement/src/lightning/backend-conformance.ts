// What every Lightning backend does, run against the simulated node and against a real LND. Where the two
// differ the simulated one is wrong.
import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import type { Invoice, LightningBackend, PaymentOrder, PaymentTarget } from './lightning-backend.ts'
import { hashOf } from './lnd/lnd-messages.ts'
import { AGENT_URIS, INTAKE_URIS, PAYOUT_URIS, RECONCILE_URIS } from './lnd/macaroon-roles.ts'

/** Two nodes with a channel in which both have some 1,000,000 sat or more. */
export interface ConformanceNetwork {
  readonly alice: LightningBackend
  readonly bob: LightningBackend
  /** Bob, with a macaroon for some methods only. */
  bobWith(uris: readonly string[]): Promise<LightningBackend>
  /** A backend whose node nobody can reach. */
  readonly unreachable: LightningBackend
  mine(blocks: number): Promise<void>
}

const PRICE = 20_000n
/** Blocks; LND takes no less than 24, and gives up 18 before the end. */
const HOLD_CLTV = 40
/** Enough to get within 18 blocks of the end of an HTLC of {@link HOLD_CLTV} and LND's padding. */
const BLOCKS_TO_GIVE_UP = 30
const POLL = { timeout: 20_000, interval: 50 }

const newPreimage = () => randomBytes(32).toString('hex')
const order = (to: PaymentTarget): PaymentOrder => ({
  to,
  feeLimitMsat: 0n,
  timeoutSeconds: 20,
  cltvLimit: 1008,
  maxParts: 1,
})
const invoiceOrder = (bolt11: string, amountMsat?: bigint) =>
  order({ kind: 'bolt11', bolt11, ...(amountMsat === undefined ? {} : { amountMsat }) })
const invoiceFor = (preimage: string, amountMsat = PRICE) => ({
  preimage,
  amountMsat,
  memo: 'conformance',
  expirySeconds: 600,
})
const holdInvoiceFor = (preimage: string) => ({
  paymentHash: hashOf(preimage),
  amountMsat: PRICE,
  memo: 'conformance, held',
  expirySeconds: 600,
  cltvExpiry: HOLD_CLTV,
})
const code = (value: string) => expect.objectContaining({ name: 'LightningError', code: value })

const stateOf = async (backend: LightningBackend, paymentHash: string) =>
  (await backend.lookupInvoice(paymentHash))?.state

/** Registers the suite; to be called inside a `describe`. */
export function testLightningBackend(network: () => ConformanceNetwork): void {
  const never = new AbortController().signal
  const untilState = (paymentHash: string, state: Invoice['state']) =>
    expect.poll(() => stateOf(network().bob, paymentHash), POLL).toBe(state)

  it('says who and where it is', async () => {
    const { alice, bob } = network()
    const [a, b] = await Promise.all([alice.info(), bob.info()])
    expect(a.pubkey).toMatch(/^0[23][0-9a-f]{64}$/)
    expect(a.pubkey).not.toBe(b.pubkey)
    expect(a).toMatchObject({ network: 'regtest', syncedToChain: true })
    expect(a.blockHeight).toBeGreaterThan(100)
    expect((await alice.balance()).localMsat).toBeGreaterThan(1_000_000_000n)
  })

  it('is paid by an invoice, exactly once', async () => {
    const { alice, bob } = network()
    const preimage = newPreimage()
    const before = await bob.balance()
    const added = await bob.addInvoice(invoiceFor(preimage))
    expect(added.paymentHash).toBe(hashOf(preimage))
    expect(await bob.lookupInvoice(added.paymentHash)).toMatchObject({
      state: 'open',
      amountMsat: PRICE,
      paidMsat: 0n,
      bolt11: added.bolt11,
      addIndex: added.addIndex,
      settleIndex: 0n,
    })
    const paid = { status: 'succeeded', preimage, amountMsat: PRICE, feeMsat: 0n }
    expect(await alice.pay(invoiceOrder(added.bolt11))).toEqual(paid)
    expect(await alice.pay(invoiceOrder(added.bolt11))).toEqual(paid)
    expect(await alice.track(added.paymentHash)).toEqual(paid)
    await untilState(added.paymentHash, 'settled')
    expect(await bob.lookupInvoice(added.paymentHash)).toMatchObject({ paidMsat: PRICE })
    await expect
      .poll(async () => (await bob.balance()).localMsat, POLL)
      .toBe(before.localMsat + PRICE)
  })

  it('takes what the payer chooses for an invoice without an amount', async () => {
    const { alice, bob } = network()
    const { bolt11, paymentHash } = await bob.addInvoice(invoiceFor(newPreimage(), 0n))
    await expect(alice.pay(invoiceOrder(bolt11))).rejects.toEqual(code('invalid'))
    expect(await alice.pay(invoiceOrder(bolt11, 1_234n))).toMatchObject({
      status: 'succeeded',
      amountMsat: 1_234n,
    })
    await untilState(paymentHash, 'settled')
    expect(await bob.lookupInvoice(paymentHash)).toMatchObject({ amountMsat: 0n, paidMsat: 1_234n })
  })

  it('lets nobody pay another amount than the invoice names', async () => {
    const { alice, bob } = network()
    const { bolt11, paymentHash } = await bob.addInvoice(invoiceFor(newPreimage()))
    await expect(alice.pay(invoiceOrder(bolt11, PRICE + 1n))).rejects.toEqual(code('invalid'))
    await expect(alice.pay(invoiceOrder('lnbcrt1nonsense'))).rejects.toEqual(code('invalid'))
    expect(await alice.track(paymentHash)).toEqual({ status: 'not_found' })
  })

  it('adds an invoice once, however often it is asked to', async () => {
    const { bob } = network()
    const request = invoiceFor(newPreimage())
    const [first, second] = [await bob.addInvoice(request), await bob.addInvoice(request)]
    expect(second).toEqual(first)
    await expect(bob.addInvoice({ ...request, amountMsat: 1n })).rejects.toEqual(code('conflict'))
    const held = holdInvoiceFor(newPreimage())
    expect(await bob.addHoldInvoice(held)).toEqual(await bob.addHoldInvoice(held))
  })

  it('reads invoices as our own codec does', async () => {
    const { alice, bob } = network()
    const preimage = newPreimage()
    const { bolt11 } = await bob.addInvoice(invoiceFor(preimage))
    expect(await alice.decode(bolt11)).toMatchObject({
      payee: (await bob.info()).pubkey,
      paymentHash: hashOf(preimage),
      amountMsat: PRICE,
      expirySeconds: 600,
      network: 'regtest',
      description: { kind: 'text', text: 'conformance' },
    })
    await expect(alice.decode('lnbcrt1nonsense')).rejects.toEqual(code('invalid'))
  })

  it('knows nothing of what it was never told', async () => {
    const { alice } = network()
    const unheard = newPreimage()
    expect(await alice.track(hashOf(unheard))).toEqual({ status: 'not_found' })
    expect(await alice.lookupInvoice(hashOf(unheard))).toBeUndefined()
    await expect(alice.settle(unheard)).rejects.toEqual(code('not_found'))
    await expect(alice.cancel(hashOf(unheard))).rejects.toEqual(code('not_found'))
  })

  it('holds a payment until it is settled', async () => {
    const { alice, bob } = network()
    const preimage = newPreimage()
    const { bolt11, paymentHash } = await bob.addHoldInvoice(holdInvoiceFor(preimage))
    await expect(bob.settle(preimage)).rejects.toEqual(code('invoice_open'))
    const seen: string[] = []
    const watching = (async () => {
      for await (const { state } of bob.watchInvoice(paymentHash, never)) seen.push(state)
    })()
    const paying = alice.pay(invoiceOrder(bolt11))
    await untilState(paymentHash, 'accepted')
    const held = await bob.lookupInvoice(paymentHash)
    const { blockHeight } = await bob.info()
    expect(held).toMatchObject({ paidMsat: PRICE, settleIndex: 0n })
    expect(held?.htlcExpiryHeight).toBeGreaterThanOrEqual(blockHeight + HOLD_CLTV)
    expect(await alice.track(paymentHash, { waitMs: 0 })).toEqual({ status: 'in_flight' })
    const again = alice.pay(invoiceOrder(bolt11))
    await bob.settle(preimage)
    await bob.settle(preimage)
    expect(await paying).toMatchObject({ status: 'succeeded', preimage })
    expect(await again).toMatchObject({ status: 'succeeded', preimage })
    await watching
    expect(seen).toEqual(['open', 'accepted', 'settled'])
    await expect(bob.cancel(paymentHash)).rejects.toEqual(code('invoice_settled'))
  })

  it('gives a held payment back when it is canceled', async () => {
    const { alice, bob } = network()
    const preimage = newPreimage()
    const before = await alice.balance()
    const { bolt11, paymentHash } = await bob.addHoldInvoice(holdInvoiceFor(preimage))
    const paying = alice.pay(invoiceOrder(bolt11))
    await untilState(paymentHash, 'accepted')
    await bob.cancel(paymentHash)
    await bob.cancel(paymentHash)
    const failed = { status: 'failed', reason: 'incorrect_payment_details' }
    expect(await paying).toEqual(failed)
    expect(await alice.track(paymentHash)).toEqual(failed)
    await expect(bob.settle(preimage)).rejects.toEqual(code('invoice_canceled'))
    expect(await bob.lookupInvoice(paymentHash)).toMatchObject({ state: 'canceled', paidMsat: 0n })
    await expect.poll(async () => (await alice.balance()).localMsat, POLL).toBe(before.localMsat)
  })

  it('refuses payment of what was canceled before', async () => {
    const { alice, bob } = network()
    const { bolt11, paymentHash } = await bob.addHoldInvoice(holdInvoiceFor(newPreimage()))
    await bob.cancel(paymentHash)
    expect(await alice.pay(invoiceOrder(bolt11))).toEqual({
      status: 'failed',
      reason: 'incorrect_payment_details',
    })
  })

  it('gives a held payment up some blocks before it ends', async () => {
    const { alice, bob, mine } = network()
    const { bolt11, paymentHash } = await bob.addHoldInvoice(holdInvoiceFor(newPreimage()))
    const paying = alice.pay(invoiceOrder(bolt11))
    await untilState(paymentHash, 'accepted')
    await mine(BLOCKS_TO_GIVE_UP)
    await untilState(paymentHash, 'canceled')
    expect(await paying).toMatchObject({ status: 'failed' })
  })

  it('refuses an expired invoice for good, without having begun', async () => {
    const { alice, bob } = network()
    const request = { ...invoiceFor(newPreimage()), expirySeconds: 1 }
    const { bolt11, paymentHash } = await bob.addInvoice(request)
    await untilState(paymentHash, 'canceled')
    const expired = { status: 'failed', reason: 'invoice_expired' }
    await expect.poll(() => alice.pay(invoiceOrder(bolt11)), POLL).toEqual(expired)
    expect(await alice.track(paymentHash)).toEqual({ status: 'not_found' })
  })

  it('says why a payment failed', async () => {
    const { alice, bob } = network()
    const { localMsat } = await alice.balance()
    const { bolt11 } = await bob.addInvoice(invoiceFor(newPreimage(), localMsat + 1_000_000n))
    expect(await alice.pay(invoiceOrder(bolt11))).toEqual({
      status: 'failed',
      reason: 'insufficient_balance',
    })
    const nobody = `02${'79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'}`
    const to = { kind: 'keysend', pubkey: nobody, preimage: newPreimage(), amountMsat: 1n } as const
    expect(await alice.pay(order(to))).toEqual({ status: 'failed', reason: 'no_route' })
  })

  it('sends without an invoice, exactly once', async () => {
    const { alice, bob } = network()
    const preimage = newPreimage()
    const { pubkey } = await bob.info()
    const keysend = order({ kind: 'keysend', pubkey, preimage, amountMsat: 1_000n })
    const paid = { status: 'succeeded', preimage, amountMsat: 1_000n, feeMsat: 0n }
    expect(await alice.pay(keysend)).toEqual(paid)
    expect(await alice.pay(keysend)).toEqual(paid)
    await untilState(hashOf(preimage), 'settled')
    expect(await bob.lookupInvoice(hashOf(preimage))).toMatchObject({
      keysend: true,
      paidMsat: 1_000n,
    })
  })

  it('tells of every settled invoice from an index on, in order', async () => {
    const { alice, bob } = network()
    const hashes: string[] = []
    for (let count = 0; count < 3; count++) {
      const { bolt11, paymentHash } = await bob.addInvoice(invoiceFor(newPreimage()))
      expect(await alice.pay(invoiceOrder(bolt11))).toMatchObject({ status: 'succeeded' })
      await untilState(paymentHash, 'settled')
      hashes.push(paymentHash)
    }
    const first = (await bob.lookupInvoice(hashes[0] ?? ''))?.settleIndex ?? 0n
    expect(first).toBeGreaterThan(0n)
    const take = async (from: bigint, wanted: string) => {
      const stop = new AbortController()
      const seen: Invoice[] = []
      for await (const invoice of bob.watchSettled(from, stop.signal)) {
        seen.push(invoice)
        if (invoice.paymentHash === wanted) stop.abort()
      }
      return seen
    }
    const since = await take(first, hashes[2] ?? '')
    expect(since.map((invoice) => invoice.paymentHash)).toEqual(hashes.slice(1))
    const all = await take(0n, hashes[2] ?? '')
    const indexes = all.map((invoice) => invoice.settleIndex)
    expect(indexes).toEqual(indexes.map((_, index) => BigInt(index + 1)))
  })

  it('lists invoices and payments for reconciliation', async () => {
    const { alice, bob } = network()
    const preimage = newPreimage()
    const { bolt11, paymentHash, addIndex } = await bob.addInvoice(invoiceFor(preimage))
    await alice.pay(invoiceOrder(bolt11))
    await untilState(paymentHash, 'settled')
    const invoices = await Array.fromAsync(bob.listInvoices(addIndex - 1n, never))
    expect(invoices).toMatchObject([{ paymentHash, state: 'settled', paidMsat: PRICE }])
    const payments = await Array.fromAsync(alice.listPayments(0n, never))
    const found = payments.filter((payment) => payment.paymentHash === paymentHash)
    expect(found).toMatchObject([
      { bolt11, amountMsat: PRICE, feeMsat: 0n, outcome: { status: 'succeeded', preimage } },
    ])
    const indexes = payments.map((payment) => payment.index)
    expect(indexes).toEqual([...indexes].sort((a, b) => Number(a - b)))
    const rest = await Array.fromAsync(alice.listPayments(found[0]?.index ?? 0n, never))
    expect(rest).toEqual([])
  })

  it('stops watching when told to, and goes on paying', async () => {
    const { alice, bob } = network()
    const preimage = newPreimage()
    const { bolt11, paymentHash } = await bob.addHoldInvoice(holdInvoiceFor(preimage))
    const stop = new AbortController()
    const watching = Array.fromAsync(bob.watchInvoice(paymentHash, stop.signal))
    const settled = Array.fromAsync(bob.watchSettled(1_000_000n, stop.signal))
    const paying = alice.pay(invoiceOrder(bolt11), stop.signal)
    await untilState(paymentHash, 'accepted')
    stop.abort()
    expect(await paying).toMatchObject({ status: 'unknown' })
    expect((await watching).every((invoice) => invoice.state !== 'settled')).toBe(true)
    expect(await settled).toEqual([])
    await bob.settle(preimage)
    expect(await alice.track(paymentHash)).toMatchObject({ status: 'succeeded', preimage })
    const early = AbortSignal.abort()
    expect(await Array.fromAsync(bob.watchInvoice(paymentHash, early))).toEqual([])
  })

  it('refuses what cannot be right before it asks the node', async () => {
    const { alice, bob } = network()
    const refused = code('invalid')
    await expect(bob.addInvoice(invoiceFor('preimage'))).rejects.toEqual(refused)
    await expect(bob.addInvoice(invoiceFor(newPreimage(), -1n))).rejects.toEqual(refused)
    const endless = { ...invoiceFor(newPreimage()), expirySeconds: 0 }
    await expect(bob.addInvoice(endless)).rejects.toEqual(refused)
    const unheld = { ...holdInvoiceFor(newPreimage()), cltvExpiry: 0.5 }
    await expect(bob.addHoldInvoice(unheld)).rejects.toEqual(refused)
    await expect(bob.lookupInvoice('ff')).rejects.toEqual(refused)
    await expect(bob.settle('ff')).rejects.toEqual(refused)
    await expect(bob.cancel('ff')).rejects.toEqual(refused)
    await expect(alice.track('ff')).rejects.toEqual(refused)
    const { bolt11 } = await bob.addInvoice(invoiceFor(newPreimage()))
    const unlimited = { ...invoiceOrder(bolt11), feeLimitMsat: -1n }
    await expect(alice.pay(unlimited)).rejects.toEqual(refused)
    const nowhere = {
      kind: 'keysend',
      pubkey: '02',
      preimage: newPreimage(),
      amountMsat: 1n,
    } as const
    await expect(alice.pay(order(nowhere))).rejects.toEqual(refused)
  })

  it('receives with the macaroon for that, and does nothing else', async () => {
    const { alice, bobWith } = network()
    const intake = await bobWith(INTAKE_URIS)
    const preimage = newPreimage()
    const { bolt11, paymentHash } = await intake.addHoldInvoice(holdInvoiceFor(preimage))
    const states = Array.fromAsync(intake.watchInvoice(paymentHash, never), (one) => one.state)
    const paying = alice.pay(invoiceOrder(bolt11))
    await untilState(paymentHash, 'accepted')
    await intake.settle(preimage)
    expect(await paying).toMatchObject({ status: 'succeeded' })
    expect((await states).at(-1)).toBe('settled')
    const plain = await intake.addInvoice(invoiceFor(newPreimage()))
    await intake.cancel(plain.paymentHash)
    const stop = new AbortController()
    for await (const { settleIndex } of intake.watchSettled(0n, stop.signal))
      if (settleIndex > 0n) stop.abort()
    await expect(intake.balance()).rejects.toEqual(code('permission'))
    await expect(Array.fromAsync(intake.listPayments(0n, never))).rejects.toEqual(
      code('permission'),
    )
    expect(await intake.track(paymentHash)).toMatchObject({ status: 'unknown' })
  })

  it('pays with the macaroon for that, and does nothing else', async () => {
    const { alice, bobWith } = network()
    const payout = await bobWith(PAYOUT_URIS)
    const { bolt11, paymentHash } = await alice.addInvoice(invoiceFor(newPreimage()))
    expect(await payout.decode(bolt11)).toMatchObject({ paymentHash })
    expect((await payout.balance()).localMsat).toBeGreaterThan(PRICE)
    expect(await payout.pay(invoiceOrder(bolt11))).toMatchObject({ status: 'succeeded' })
    expect(await payout.track(paymentHash)).toMatchObject({ status: 'succeeded' })
    await expect(payout.addInvoice(invoiceFor(newPreimage()))).rejects.toEqual(code('permission'))
    await expect(payout.lookupInvoice(paymentHash)).rejects.toEqual(code('permission'))
  })

  it('compares with the macaroon for that, and does nothing else', async () => {
    const { alice, bobWith } = network()
    const reconcile = await bobWith(RECONCILE_URIS)
    const { bolt11 } = await alice.addInvoice(invoiceFor(newPreimage()))
    expect(await Array.fromAsync(reconcile.listInvoices(0n, never))).not.toEqual([])
    expect(await Array.fromAsync(reconcile.listPayments(0n, never))).not.toEqual([])
    expect(await reconcile.info()).toMatchObject({ network: 'regtest' })
    expect(await reconcile.pay(invoiceOrder(bolt11))).toMatchObject({ status: 'unknown' })
    await expect(reconcile.cancel('00'.repeat(32))).rejects.toEqual(code('permission'))
  })

  it("gives a provider's invoices with the macaroon for that, and does nothing else", async () => {
    const { alice, bobWith } = network()
    const agent = await bobWith(AGENT_URIS)
    expect(await agent.info()).toMatchObject({ network: 'regtest' })
    const wanted = { ...invoiceFor(newPreimage()), private: true }
    const first = await agent.addInvoice(wanted)
    expect(await agent.addInvoice(wanted)).toEqual(first)
    await expect(agent.addInvoice({ ...wanted, amountMsat: PRICE + 1n })).rejects.toEqual(
      code('conflict'),
    )
    expect(await agent.lookupInvoice(first.paymentHash)).toMatchObject({ state: 'open' })
    await expect(agent.cancel(first.paymentHash)).rejects.toEqual(code('permission'))
    await expect(agent.balance()).rejects.toEqual(code('permission'))
    await expect(Array.fromAsync(agent.listInvoices(0n, never))).rejects.toEqual(code('permission'))
    const { bolt11 } = await alice.addInvoice(invoiceFor(newPreimage()))
    expect(await agent.pay(invoiceOrder(bolt11))).toMatchObject({ status: 'unknown' })
  })

  it('says of a node it cannot reach that it knows nothing', async () => {
    const { bob, unreachable } = network()
    const { bolt11, paymentHash } = await bob.addInvoice(invoiceFor(newPreimage()))
    expect(await unreachable.pay(invoiceOrder(bolt11))).toMatchObject({ status: 'unknown' })
    expect(await unreachable.track(paymentHash)).toMatchObject({ status: 'unknown' })
    await expect(unreachable.lookupInvoice(paymentHash)).rejects.toEqual(code('unavailable'))
    const watching = Array.fromAsync(unreachable.watchInvoice(paymentHash, never))
    await expect(watching).rejects.toEqual(code('unavailable'))
  })
}
