import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { signPayout, verifyPayout } from '@infernet/schemas/payout-statement'
import type { InvoiceRequest } from '@infernet/schemas/wire'
import { decodeInvoice } from '@infernet/settlement/bolt11/decode-invoice'
import { AGENT_URIS } from '@infernet/settlement/lightning/lnd/macaroon-roles'
import { SimReceiver } from '@infernet/settlement/testing/sim-receiver'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Agent } from '../agent.ts'
import { systemClock } from '../clock.ts'
import { OpenAiHttpEngine } from '../engines/openai-http/openai-http.ts'
import { EventLog, type AgentEvent, type EventName } from '../events.ts'
import { loadIdentity } from '../identity.ts'
import { edgeAddress } from '../link/edge-address.ts'
import { FakeEdge } from '../testing/fake-edge.ts'
import { FakeEngine } from '../testing/fake-engine.ts'
import { NODE_WAIT_MS } from '../limits.ts'
import { openPayoutDesk } from './open-payout-desk.ts'
import { PayoutDesk } from './payout-desk.ts'
import { readPayoutFlags, type PayoutFlags } from './payout-plan.ts'

const hello = { model: 'big-model', messages: [{ role: 'user', content: 'hello' }], stream: true }
const request = (fields: Partial<InvoiceRequest> = {}): InvoiceRequest => ({
  id: 1,
  payout: 'po_1',
  attempt: 1,
  amount_msat: '30000',
  ...fields,
})

let node: SimReceiver
beforeAll(async () => {
  node = await SimReceiver.start()
})
afterAll(() => node.close())

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const newDirectory = () => mkdtempSync(join(tmpdir(), 'infernet-'))

/** Flags of an owner who has the simulated node. */
function ownNode(uris: readonly string[] = AGENT_URIS): PayoutFlags {
  const { socket, certificate, macaroon } = node.address(uris)
  const directory = newDirectory()
  const lndCert = join(directory, 'tls.cert')
  const lndMacaroon = join(directory, 'agent.macaroon')
  writeFileSync(lndCert, certificate)
  writeFileSync(lndMacaroon, Buffer.from(macaroon, 'hex'))
  return { payout: 'lnd', lnd: socket, lndCert, lndMacaroon }
}

/** An edge and an agent with these flags; its key is at `directory`. */
async function world(flags: PayoutFlags, directory = newDirectory()) {
  const edge = new FakeEdge()
  await edge.start()
  const server = new FakeEngine()
  await server.start()
  const events: AgentEvent[] = []
  const log = new EventLog((event) => events.push(event), Date.now)
  const { identity } = loadIdentity(join(directory, 'key.pem'))
  const agent = new Agent({
    edge: edgeAddress(edge.url),
    identity,
    engine: new OpenAiHttpEngine({ url: server.url, models: [], probeMs: { up: 20, down: 20 } }),
    price: { prompt: 100_000, completion: 400_000 },
    slots: 4,
    payouts: openPayoutDesk(readPayoutFlags(flags), identity, log),
    outboxPath: join(directory, 'outbox'),
    events: log,
    clock: systemClock,
    random: () => 0,
  })
  const ended = agent.run()
  closers.push(async () => {
    agent.stop()
    await edge.close()
    await ended
    await server.close()
  })
  const named = (name: EventName) => events.filter(({ event }) => event === name)
  return { session: await edge.session(), events, named }
}

describe('an agent that gives invoices of its own node', () => {
  it('says so, and gives the same one for the same attempt, also after a restart', async () => {
    const directory = newDirectory()
    const { session, events, named } = await world(
      { ...ownNode(), payoutThresholdSat: 50 },
      directory,
    )
    expect(session.hello?.capability.payout).toMatchObject({
      to: { kind: 'invoice', pubkey: (await node.backend.info()).pubkey },
      when: 'threshold',
      threshold_sat: 50,
    })
    expect(events[0]).toEqual({
      event: 'payout',
      to: 'your own node, by invoices',
      when: 'from 50 sat on',
    })
    await expect.poll(() => named('payout_node').length).toBe(1)
    const first = await session.askInvoice(request())
    const again = await session.askInvoice(request({ id: 2 }))
    const second = await session.askInvoice(request({ id: 3, attempt: 2 }))
    expect(again.bolt11).toBe(first.bolt11)
    const [one, other] = [first, second].map(({ bolt11 }) => decodeInvoice(bolt11!))
    expect(one?.paymentHash).not.toBe(other?.paymentHash)
    expect([one?.amountMsat, other?.amountMsat]).toEqual([30_000n, 30_000n])
    await closers.pop()?.()
    const restarted = await world(ownNode(), directory)
    const later = await restarted.session.askInvoice(request())
    expect(later.bolt11).toBe(first.bolt11)
    expect(node.pay(later.bolt11!)).toBe('settled')
    expect(node.receivedMsat).toBe(30_000n)
    expect(restarted.named('invoice_issued')).toEqual([
      { event: 'invoice_issued', payout: 'po_1', attempt: 1, amount_msat: '30000' },
    ])
  })

  it('says why it gives none, without a secret, and serves on', async () => {
    const { session, named } = await world(ownNode(['/lnrpc.Lightning/GetInfo']))
    expect(await session.askInvoice(request({ payout: 'po_2' }))).toEqual({
      id: 1,
      error: 'its macaroon does not allow it to make invoices',
    })
    expect(named('invoice_refused')).toMatchObject([{ payout: 'po_2', attempt: 1 }])
    session.give(1, hello, { model: hello.model })
    expect((await session.answer(1)).end).toBeDefined()
  })

  it('answers jobs while its node takes its time', async () => {
    const { session, named } = await world(ownNode())
    await expect.poll(() => named('payout_node').length).toBe(1)
    node.faults.plan('AddInvoice', { kind: 'slow', ms: 1500 })
    const asking = session.askInvoice(request({ payout: 'po_3' }))
    session.give(1, hello, { model: hello.model })
    expect((await session.answer(1)).end).toBeDefined()
    expect(named('invoice_issued')).toEqual([])
    expect((await asking).bolt11).toMatch(/^lnbcrt/)
  })

  it('logs in without a node that takes its time, and names it later', async () => {
    node.faults.plan('GetInfo', { kind: 'slow', ms: NODE_WAIT_MS + 1_000 })
    const { session } = await world(ownNode())
    expect(session.hello?.capability).not.toHaveProperty('payout')
    const payout = await session.until(() => session.capability?.payout, 'payout')
    const { pubkey } = await node.backend.info()
    expect(payout.to).toEqual({ kind: 'invoice', pubkey })
    expect(verifyPayout(session.hello!.peer, payout)).toBe(true)
  })

  it('tells its owner when the node cannot be used, and connects all the same', async () => {
    const { session, named } = await world({ ...ownNode(), lnd: '127.0.0.1:1' })
    expect(session.hello?.capability).not.toHaveProperty('payout')
    await expect.poll(() => named('payout_trouble').length, { timeout: 15_000 }).toBe(1)
    expect(await session.askInvoice(request())).toEqual({
      id: 1,
      error: 'its Lightning node cannot be reached',
    })
  })
})

describe('a node that is away at first', () => {
  it('is signed for once it has answered, and nothing is before', async () => {
    const { identity } = loadIdentity(join(newDirectory(), 'key.pem'))
    const events: AgentEvent[] = []
    const gate = Promise.withResolvers<void>()
    let [isAway, changes] = [true, 0]
    const desk = new PayoutDesk({
      wishes: { to: { kind: 'invoice' }, when: 'at_once' },
      sign: (wishes) => signPayout(identity, wishes, 1),
      issuer: {
        info: () => (isAway ? Promise.reject(new Error('away')) : node.backend.info()),
        issue: async () => 'ln1',
        close: async () => {},
      },
      events: new EventLog((event) => events.push(event), Date.now),
      // Asked again at once, and the start waits until the test lets it go on.
      sleep: (ms) => (ms === NODE_WAIT_MS ? gate.promise : setImmediate()),
    })
    const announced = desk.announce(() => changes++)
    await setImmediate()
    gate.resolve()
    await announced
    expect([desk.payout, changes]).toEqual([undefined, 0])
    isAway = false
    await expect.poll(() => changes).toBe(1)
    const { pubkey } = await node.backend.info()
    expect(desk.payout).toMatchObject({ to: { kind: 'invoice', pubkey }, when: 'at_once' })
    expect(verifyPayout(identity.peer, desk.payout!)).toBe(true)
    expect(events.map(({ event }) => event)).toEqual(['payout', 'payout_trouble', 'payout_node'])
    await desk.close()
  })
})

describe('an agent without a node of its own', () => {
  it('warns once that its earnings wait, and gives no invoices', async () => {
    const { session, events, named } = await world({})
    expect(events[0]).toEqual({ event: 'payout_unset' })
    expect(session.hello?.capability).not.toHaveProperty('payout')
    expect(await session.askInvoice(request())).toEqual({
      id: 1,
      error: 'this agent gives no invoices',
    })
    expect(named('payout_unset')).toHaveLength(1)
  })

  it('names its Lightning address and signs for it, anew at each start', async () => {
    const directory = newDirectory()
    const flags = { payout: 'me@wallet.example', payoutWhen: 'at_once' }
    const { session, events } = await world(flags, directory)
    const to = { kind: 'lightning_address', address: 'me@wallet.example' }
    const { peer, capability } = session.hello!
    expect(capability.payout).toMatchObject({ to, when: 'at_once' })
    expect(Math.abs(capability.payout!.issued_at - Date.now())).toBeLessThan(60_000)
    expect(verifyPayout(peer, capability.payout!)).toBe(true)
    await closers.pop()?.()
    const later = (await world({ payout: 'me@wallet.example' }, directory)).session.hello!
    expect(later.peer).toBe(peer)
    expect(later.capability.payout!.issued_at).toBeGreaterThan(capability.payout!.issued_at)
    expect(events[0]).toEqual({
      event: 'payout',
      to: 'me@wallet.example',
      when: expect.any(String) as string,
    })
  })
})
