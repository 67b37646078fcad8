import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attenuate } from '../../macaroon/macaroon.ts'
import { parseMacaroon, serializeMacaroon } from '../../macaroon/macaroon-binary.ts'
import { testLightningBackend, type ConformanceNetwork } from '../backend-conformance.ts'
import { invoicePayment } from '../../testing/payment-order.ts'
import type { LightningBackend } from '../lightning-backend.ts'
import { openLnd } from '../open-lnd.ts'
import { startSimulatedLightning, type SimulatedLightning } from './simulated-lightning.ts'

const NOBODY = '127.0.0.1:1'
const backends = new Set<LightningBackend>()
const open = async (address: Parameters<typeof openLnd>[0]) => {
  const backend = await openLnd(address)
  backends.add(backend)
  return backend
}
afterAll(() => {
  for (const backend of backends) backend.close()
})

describe('the simulated node', () => {
  let lightning: SimulatedLightning
  let nodes: ConformanceNetwork
  beforeAll(async () => {
    lightning = await startSimulatedLightning({ aliases: ['alice', 'bob'] })
    const alice = lightning.server('alice')
    nodes = {
      alice: await open(alice.address()),
      bob: await open(lightning.server('bob').address()),
      bobWith: (uris) => open(lightning.server('bob').address(uris)),
      unreachable: await open({ ...alice.address(), socket: NOBODY }),
      mine: async (blocks) => lightning.network.mine(blocks),
    }
  })
  afterAll(() => lightning.close())

  testLightningBackend(() => nodes)

  it('says that it is simulated wherever it can', async () => {
    const info = await nodes.alice.info()
    expect(info).toMatchObject({ simulated: true, alias: expect.stringContaining('SIMULATED') })
    expect(info.version).toContain('SIMULATED')
  })
})

const newInvoice = (amountMsat = 5_000n) => ({
  preimage: randomBytes(32).toString('hex'),
  amountMsat,
  memo: '',
  expirySeconds: 600,
})

describe('a simulated network', () => {
  let lightning: SimulatedLightning
  let now = Date.now()
  const of = (alias: string) => open(lightning.server(alias).address())
  let alice: LightningBackend
  let bob: LightningBackend
  let carol: LightningBackend
  beforeAll(async () => {
    const aliases = ['alice', 'bob', 'carol']
    const log: string[] = []
    lightning = await startSimulatedLightning({
      aliases,
      now: () => now,
      log: (line) => log.push(line),
    })
    expect(log).toHaveLength(3)
    expect(log.every((line) => line.includes('SIMULATED'))).toBe(true)
    alice = await of('alice')
    bob = await of('bob')
    carol = await of('carol')
  })
  afterAll(() => lightning.close())

  it('takes fees on the way to a node without a channel, within the limit', async () => {
    const { bolt11 } = await carol.addInvoice(newInvoice())
    expect(await bob.pay(invoicePayment(bolt11))).toEqual({ status: 'failed', reason: 'no_route' })
    expect(await bob.pay(invoicePayment(bolt11, 1_000n))).toMatchObject({
      status: 'succeeded',
      feeMsat: 1_000n,
    })
    const alone = await Promise.all([alice, bob, carol].map((node) => node.balance()))
    expect(alone.reduce((sum, { localMsat }) => sum + localMsat, 0n)).toBe(32_000_000_000n)
  })

  it('pays when the connection breaks after the order, and says it does not know', async () => {
    const { bolt11, paymentHash } = await bob.addInvoice(newInvoice())
    lightning.server('alice').faults.plan('SendPaymentV2', { kind: 'cut' })
    expect(await alice.pay(invoicePayment(bolt11))).toMatchObject({ status: 'unknown' })
    expect(await alice.track(paymentHash)).toMatchObject({ status: 'succeeded' })
    expect(await alice.pay(invoicePayment(bolt11))).toMatchObject({ status: 'succeeded' })
  })

  it('does not pay when the connection breaks before the order, and says it does not know', async () => {
    const { bolt11, paymentHash } = await bob.addInvoice(newInvoice())
    lightning.server('alice').faults.plan('SendPaymentV2', { kind: 'refuse' })
    expect(await alice.pay(invoicePayment(bolt11))).toMatchObject({ status: 'unknown' })
    expect(await alice.track(paymentHash)).toEqual({ status: 'not_found' })
    expect(await alice.pay(invoicePayment(bolt11))).toMatchObject({ status: 'succeeded' })
  })

  it('knows nothing when a stream ends without an end, and hears an end once when it is said twice', async () => {
    const { bolt11 } = await bob.addInvoice(newInvoice())
    const { faults } = lightning.server('alice')
    faults.plan('SendPaymentV2', { kind: 'end_early' })
    expect(await alice.pay(invoicePayment(bolt11))).toMatchObject({ status: 'unknown' })
    faults.plan('TrackPaymentV2', { kind: 'end_early' })
    expect(await alice.pay(invoicePayment(bolt11))).toMatchObject({ status: 'unknown' })
    faults.plan('TrackPaymentV2', { kind: 'say_twice' })
    expect(await alice.pay(invoicePayment(bolt11))).toMatchObject({ status: 'succeeded' })
    const other = await bob.addInvoice(newInvoice())
    faults.plan('SendPaymentV2', { kind: 'say_twice' })
    expect(await alice.pay(invoicePayment(other.bolt11))).toMatchObject({ status: 'succeeded' })
  })

  it('waits for a slow node, and adds an invoice once though the answer was lost', async () => {
    const request = newInvoice()
    const { faults } = lightning.server('bob')
    faults.plan('AddInvoice', { kind: 'cut' }, { kind: 'slow', ms: 20 })
    await expect(bob.addInvoice(request)).rejects.toMatchObject({ code: 'unavailable' })
    const { paymentHash } = await bob.addInvoice(request)
    expect(await bob.lookupInvoice(paymentHash)).toMatchObject({ bolt11: expect.any(String) })
  })

  it('ends watches when a node goes, and answers again when it is back', async () => {
    const { paymentHash, bolt11 } = await bob.addInvoice(newInvoice())
    const watching = Array.fromAsync(bob.watchInvoice(paymentHash, new AbortController().signal))
    await expect.poll(() => bob.lookupInvoice(paymentHash)).toMatchObject({ state: 'open' })
    lightning.server('bob').stop()
    await expect(watching).rejects.toMatchObject({ code: 'unavailable' })
    await lightning.server('bob').start()
    await expect
      .poll(() => bob.lookupInvoice(paymentHash).catch(String), { timeout: 10_000 })
      .toMatchObject({ state: 'open' })
    expect(await alice.pay(invoicePayment(bolt11))).toMatchObject({ status: 'succeeded' })
  })

  it("lives by the clock it is given, in invoices and in macaroons' caveats", async () => {
    const address = lightning.server('bob').address()
    const until = new Date(now + 60_000).toISOString()
    const macaroon = attenuate(
      parseMacaroon(Buffer.from(address.macaroon, 'hex')),
      `time-before ${until}`,
    )
    const timed = await open({
      ...address,
      macaroon: Buffer.from(serializeMacaroon(macaroon)).toString('hex'),
    })
    const { paymentHash } = await timed.addInvoice(newInvoice())
    now += 601_000
    await expect(timed.info()).rejects.toMatchObject({ code: 'permission' })
    expect(await bob.lookupInvoice(paymentHash)).toMatchObject({ state: 'canceled' })
  })
})

describe('its state file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'infernet-sim-'))
  const stateFile = join(folder, 'lightning.json')
  afterAll(() => rmSync(folder, { recursive: true }))

  it('keeps invoices, payments and money across a restart', async () => {
    const aliases = ['alice', 'bob']
    const first = await startSimulatedLightning({ aliases, stateFile })
    const bob = await open(first.server('bob').address())
    const alice = await open(first.server('alice').address())
    const paid = await bob.addInvoice(newInvoice())
    await alice.pay(invoicePayment(paid.bolt11))
    const preimage = randomBytes(32).toString('hex')
    const { hashOf } = await import('../lnd/lnd-messages.ts')
    const held = await bob.addHoldInvoice({
      paymentHash: hashOf(preimage),
      amountMsat: 7_000n,
      memo: '',
      expirySeconds: 600,
      cltvExpiry: 40,
    })
    void alice.pay(invoicePayment(held.bolt11))
    await expect
      .poll(() => bob.lookupInvoice(held.paymentHash))
      .toMatchObject({ state: 'accepted' })
    const pubkey = (await bob.info()).pubkey
    const { localMsat } = await bob.balance()
    first.close()

    const second = await startSimulatedLightning({ aliases, stateFile })
    const bobAgain = await open(second.server('bob').address())
    const aliceAgain = await open(second.server('alice').address())
    expect((await bobAgain.info()).pubkey).toBe(pubkey)
    expect(await bobAgain.lookupInvoice(paid.paymentHash)).toMatchObject({ state: 'settled' })
    await bobAgain.settle(preimage)
    expect(await aliceAgain.track(held.paymentHash)).toMatchObject({
      status: 'succeeded',
      preimage,
    })
    expect((await bobAgain.balance()).localMsat).toBe(localMsat + 7_000n)
    second.close()
  })

  it('is refused when it is not one', async () => {
    writeFileSync(stateFile, '{"version": 2}')
    await expect(startSimulatedLightning({ aliases: ['a'], stateFile })).rejects.toMatchObject({
      name: 'SimulationError',
      code: 'state_file',
    })
  })
})

it('does not start in production', async () => {
  const starting = startSimulatedLightning({ aliases: ['a'], environment: 'production' })
  await expect(starting).rejects.toMatchObject({ name: 'SimulationError', code: 'production' })
})
