import { DRAWN_SPEC } from '@infernet/verification/testing/drawn-answer'
import { newAccountId } from '@infernet/schemas/ids'
import { connectDatabase } from '@infernet/settlement/db/connect'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { postgresStore } from '../../db/store.ts'
import { answerJson } from '../../testing/answers.ts'
import { modelOffer, type FakeProvider } from '../../testing/fake-provider.ts'
import { capabilityOf } from '../../testing/test-edge.ts'
import { connectOverSocket, startWholeEdge, type WholeEdge } from '../../testing/whole-edge.ts'
import { startDatabaseServer, type DatabaseServer } from './database-server.ts'

const CREDIT = { reference: 'start', msat: '1000000' }
const PEERS = 2

let database: DatabaseServer
let edge: WholeEdge
let key: string
const account = newAccountId(Date.now())
const sockets: WebSocket[] = []
const providers: FakeProvider[] = []

beforeAll(async () => {
  database = await startDatabaseServer({ port: 0 })
  const db = connectDatabase(database.url)
  await postgresStore(db, Date.now, 100).createAccount({ id: account, name: 'asks', limits: {} })
  edge = await startWholeEdge(database.url, {
    canaries: { account, share: 1, challenges: 0 },
  })
  await db.close()
  const client = String((await edge.operate('accounts', { name: 'Ada' }))['id'])
  key = String((await edge.operate(`accounts/${client}/keys`, { name: 'a' }))['key'])
  for (const id of [client, account]) await edge.operate(`accounts/${id}/credits`, CREDIT)
  while (providers.length < PEERS) await connectProvider()
})
afterAll(async () => {
  for (const socket of sockets) socket.terminate()
  await edge.close()
  await database.close()
})

async function connectProvider(): Promise<void> {
  const capability = capabilityOf({ models: [modelOffer('tiny', { spec: DRAWN_SPEC })] })
  const { provider, socket } = await connectOverSocket(edge.url, capability)
  sockets.push(socket)
  providers.push(provider)
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
    const { available_msat: available } = await edge.operate(`balances/${account}`)
    return Number(CREDIT.msat) - Number(available)
  }
  await expect.poll(spent).toBeGreaterThan(0)
  await expect.poll(async () => (await edge.operate('ledger'))['sound']).toBe(true)
})
