import { COMPONENTS } from '@infernet/openai-compat/openapi/components'
import { SETTLER_PATH, edgeMessageSchema, type SettlerAsk } from '@infernet/schemas/settler-wire'
import { connectDatabase } from '@infernet/settlement/db/connect'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { settlerActs } from '../../db/conformance/settler-acts.ts'
import type { SettlerActs } from '../../testing/memory-billing.ts'
import { OPERATOR, startWholeEdge, type WholeEdge } from '../../testing/whole-edge.ts'
import { startDatabaseServer, type DatabaseServer } from './database-server.ts'

const SETTLER = 'settler-token'
const NODE = { pubkey: `02${'11'.repeat(32)}`, network: 'regtest', simulated: true }

/** A settler without a node: it makes invoices of nothing, and says what was paid. */
class FakeSettler {
  readonly #socket: WebSocket
  readonly #answers = new Map<number, (type: string) => void>()
  #ids = 0

  constructor(url: string, onWake: () => void) {
    const headers = { authorization: `Bearer ${SETTLER}` }
    this.#socket = new WebSocket(url.replace('http', 'ws') + SETTLER_PATH, { headers })
    this.#socket.on('message', (data: Buffer) => {
      const message = edgeMessageSchema.parse(JSON.parse(data.toString()))
      if (message.type === 'wake') onWake()
      else if (message.type !== 'pong') this.#answers.get(message.id)?.(message.type)
    })
  }

  opened(): Promise<void> {
    return new Promise((resolve) => void this.#socket.once('open', () => resolve()))
  }

  ask(ask: SettlerAsk): Promise<string> {
    const id = this.#ids++
    this.#socket.send(JSON.stringify({ type: 'ask', id, ask }))
    return new Promise((resolve) => void this.#answers.set(id, resolve))
  }
}

describe('money on a whole edge', () => {
  let database: DatabaseServer
  let edge: WholeEdge
  let port: ReturnType<typeof connectDatabase>
  let acts: SettlerActs
  let settler: FakeSettler
  let key: string

  beforeAll(async () => {
    database = await startDatabaseServer({ port: 0 })
    port = connectDatabase(database.url)
    acts = settlerActs(port)
    edge = await startWholeEdge(database.url, { settlerToken: SETTLER })
    const made = await call('/operator/accounts', { name: 'Ada' }, OPERATOR)
    const account = String(made['id'])
    key = String((await call(`/operator/accounts/${account}/keys`, { name: 'a' }, OPERATOR))['key'])
    await acts.runs(NODE)
    settler = new FakeSettler(edge.url, () => void makeInvoices())
    await settler.opened()
  })
  afterAll(async () => {
    await edge.close()
    await port.close()
    await database.close()
  })

  async function call(path: string, body?: unknown, token = key): Promise<Record<string, unknown>> {
    const headers = { authorization: `Bearer ${token}` }
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const response = await fetch(`${edge.url}${path}`, { headers, ...init })
    return (await response.json()) as Record<string, unknown>
  }
  async function makeInvoices(): Promise<void> {
    const rows = await port.query(`select id from top_ups where state = 'requested'`, [])
    for (const [id] of rows) await acts.opened(String(id), `hash ${String(id)}`, 'lnbcrt1', 2 ** 33)
  }
  const available = async () => {
    const { data } = COMPONENTS.Credits.parse(await call('/v1/credits'))
    return Number(data.available_msat)
  }

  it('comes in, is spent on a withdrawal, and comes back', async () => {
    const topUp = COMPONENTS.TopUp.parse(await call('/v1/billing/topups', { amount_sat: 100 }))
    expect(topUp).toMatchObject({ status: 'open', invoice: 'lnbcrt1', simulated: true })
    await acts.settled(topUp.id, 100_000n)
    const reference = `inv:${topUp.payment_hash}`
    const telling = [1, 2].map(() => settler.ask({ kind: 'transfers', references: [reference] }))
    expect(await Promise.all(telling)).toEqual(['done', 'done'])
    const paid = await call(`/v1/billing/topups/${topUp.id}`)
    expect(paid).toMatchObject({ status: 'settled', credited: true, paid_msat: '100000' })
    expect(await available()).toBe(100_000)
    const order = { amount_sat: 50, lightning_address: 'ada@example.com' }
    const { id } = COMPONENTS.Withdrawal.parse(await call('/v1/billing/withdrawals', order))
    expect(await settler.ask({ kind: 'transfers', references: [`wd:${id}`] })).toBe('done')
    expect(await available()).toBe(100_000 - 51_000)
    await acts.paying(id)
    await acts.succeeded(id, 'proof', 40n)
    expect(await call(`/v1/billing/withdrawals/${id}`)).toMatchObject({
      status: 'succeeded',
      preimage: 'proof',
      fee_msat: '40',
    })
    expect(await settler.ask({ kind: 'jobs', jobs: ['j'] })).toBe('done')
  })
})
