import { DRAWN_SPEC } from '@infernet/verification/testing/drawn-answer'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newAccountId } from '@infernet/schemas/ids'
import { PROVIDER_PATH, WS_SUBPROTOCOL } from '@infernet/schemas/wire'
import { connectDatabase } from '@infernet/settlement/db/connect'
import { DEFAULT_COMPUTE_RATES } from '@infernet/settlement/compute-price'
import { parsePriceBounds } from '@infernet/settlement/price-bounds'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { AuditKeys } from '../../audit/audit-keys.ts'
import { postgresStore } from '../../db/store.ts'
import { parseTimeouts } from '../../hub/job-timeouts.ts'
import type { ProviderHub } from '../../hub/provider-hub.ts'
import { answerJson } from '../../testing/answers.ts'
import { AUDIENCE, FakeProvider, modelOffer } from '../../testing/fake-provider.ts'
import { capabilityOf } from '../../testing/test-edge.ts'
import { startDatabaseServer, type DatabaseServer } from './database-server.ts'
import { startNodeEdge, type NodeEdge } from './node-edge.ts'

const OPERATOR = 'operator-token'
const CREDIT = { reference: 'start', msat: '1000000' }
const PEERS = 2

let folder: string
let database: DatabaseServer
let edge: NodeEdge
let key: string
const account = newAccountId(Date.now())
const sockets: WebSocket[] = []
const providers: FakeProvider[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infernet-asks-'))
  database = await startDatabaseServer({ port: 0 })
  const db = connectDatabase(database.url)
  await postgresStore(db, Date.now, 100).createAccount({ id: account, name: 'asks', limits: {} })
  edge = await startNodeEdge({
    host: '127.0.0.1',
    port: 0,
    dataDir: folder,
    databaseUrl: database.url,
    operatorToken: OPERATOR,
    audit: new AuditKeys(new Uint8Array(32)),
    canaries: { account, share: 1 },
    log: () => {},
    timeouts: parseTimeouts(undefined),
    prices: parsePriceBounds(undefined, undefined),
    feeBps: 100,
    computeRates: DEFAULT_COMPUTE_RATES,
  })
  await db.close()
  const client = String((await operate('accounts', { name: 'Ada' }))['id'])
  key = String((await operate(`accounts/${client}/keys`, { name: 'a' }))['key'])
  for (const id of [client, account]) await operate(`accounts/${id}/credits`, CREDIT)
  while (providers.length < PEERS) await connectProvider()
})
afterAll(async () => {
  for (const socket of sockets) socket.terminate()
  await edge.close(0)
  await database.close()
  await rm(folder, { recursive: true })
})

async function operate(path: string, body?: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${edge.url}/operator/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${OPERATOR}` },
    ...(body && { body: JSON.stringify(body) }),
  })
  expect(response.ok).toBe(true)
  return (await response.json()) as Record<string, unknown>
}

/** A provider comes, over a real socket. */
async function connectProvider(): Promise<void> {
  const url = edge.url.replace('http', 'ws') + PROVIDER_PATH
  const socket = new WebSocket(url, WS_SUBPROTOCOL, { headers: { host: `${AUDIENCE}:80` } })
  const wire = { received: async (_: unknown, message: Uint8Array) => socket.send(message) }
  const provider = new FakeProvider(wire as unknown as ProviderHub)
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    provider.socket.send(isBinary ? Uint8Array.from(data) : data.toString())
  })
  sockets.push(socket)
  providers.push(provider)
  await Promise.all([once(socket, 'message'), once(socket, 'open')])
  const capability = capabilityOf({ models: [modelOffer('tiny', { spec: DRAWN_SPEC })] })
  await provider.login(provider.hello({ capability, now: Date.now() }))
}

async function ask(provider: FakeProvider, text: string, isOpen: boolean): Promise<number> {
  const answer = fetch(`${edge.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({
      model: 'tiny',
      max_completion_tokens: 100,
      messages: [{ role: 'user', content: text }],
      provider: { only: [provider.peer], open_audit: isOpen },
    }),
  })
  answerJson(await provider.jobs.next())
  return (await answer).status
}

it('asks a provider what another has answered, and pays it', async () => {
  const [first, second] = providers
  if (first === undefined || second === undefined) return expect.fail('two providers')
  const offers = async () => {
    const headers = { authorization: `Bearer ${key}` }
    const response = await fetch(`${edge.url}/v1/models/tiny/endpoints`, { headers })
    const { data } = (await response.json()) as { data?: { endpoints: unknown[] } }
    return data?.endpoints.length
  }
  await expect.poll(offers).toBe(PEERS)
  expect(await ask(first, 'What is open?', true)).toBe(200)
  expect(await ask(second, 'What is not?', false)).toBe(200)
  await expect
    .poll(async () => {
      await ask(first, 'What else?', false)
      return second.jobs.size
    })
    .toBe(1)
  const canary = await second.jobs.next()
  const text = new TextDecoder().decode(canary.body)
  expect(text).toContain('What is open?')
  expect(text).not.toContain('open_audit')
  answerJson(canary)
  const spent = async () => {
    const { available_msat: available } = await operate(`balances/${account}`)
    return Number(CREDIT.msat) - Number(available)
  }
  await expect.poll(spent).toBeGreaterThan(0)
  await expect.poll(async () => (await operate('ledger'))['sound']).toBe(true)
})
