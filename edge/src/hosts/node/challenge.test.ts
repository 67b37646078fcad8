import { CLOSE } from '@infernet/schemas/close-codes'
import { newAccountId } from '@infernet/schemas/ids'
import { connectDatabase } from '@infernet/settlement/db/connect'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { postgresStore } from '../../db/store.ts'
import { FakeMachine } from '../../testing/fake-machine.ts'
import type { FakeProvider } from '../../testing/fake-provider.ts'
import { capabilityOf, type LogEntry } from '../../testing/test-edge.ts'
import { connectOverSocket, startWholeEdge, type WholeEdge } from '../../testing/whole-edge.ts'
import { startDatabaseServer, type DatabaseServer } from './database-server.ts'

const CREDIT = { reference: 'start', msat: '10000000' }
/** Only those are challenged that have something in common. */
const HARDLY_ANY = 1e-9
const SLOTS = 2
const TOKENS = 16
const TICK_MS = 5

let database: DatabaseServer
let edge: WholeEdge
let key: string
const account = newAccountId(Date.now())
const log: LogEntry[] = []
const sockets: WebSocket[] = []
/** Time goes by with what they do, so that a busy computer is not a slow machine. */
const machines: FakeMachine[] = []
let now = Date.now()
const ticking = setInterval(() => {
  now += TICK_MS
  for (const one of machines) one.tick()
}, TICK_MS)

beforeAll(async () => {
  database = await startDatabaseServer({ port: 0 })
  const db = connectDatabase(database.url)
  await postgresStore(db, Date.now, 100).createAccount({ id: account, name: 'asks', limits: {} })
  await db.close()
  edge = await startWholeEdge(database.url, {
    canaries: { account, share: 0, challenges: HARDLY_ANY, challengePauseMs: 5 },
    now: () => now,
    log: (event, fields) => log.push({ event, fields }),
  })
  const client = String((await edge.operate('accounts', { name: 'Ada' }))['id'])
  key = String((await edge.operate(`accounts/${client}/keys`, { name: 'a' }))['key'])
  for (const id of [client, account]) await edge.operate(`accounts/${id}/credits`, CREDIT)
})
afterAll(async () => {
  clearInterval(ticking)
  for (const socket of sockets) socket.terminate()
  await edge.close()
  await database.close()
})

function machine(): FakeMachine {
  const one = new FakeMachine(SLOTS)
  machines.push(one)
  return one
}

/** A provider on a machine, with an instance of a card. */
async function connect(on: FakeMachine, card: string) {
  const gpu = {
    vendor: 'nvidia' as const,
    name: 'H100',
    mig: ['1g.10gb'],
    id_sha256: card.repeat(64),
  }
  const capability = capabilityOf({ slots: SLOTS, hardware: { gpus: [gpu] } })
  const { provider, socket } = await connectOverSocket(edge.url, capability)
  on.serve(provider, () => TOKENS)
  sockets.push(socket)
  return { provider, socket }
}

const results = (provider: FakeProvider): unknown[] =>
  log.flatMap(({ event, fields }) => {
    const isOf = (fields['providers'] as readonly string[] | undefined)?.includes(provider.peer)
    return event === 'challenge' && isOf === true ? fields['result'] : []
  })

const headers = () => ({ authorization: `Bearer ${key}` })

/** Clients ask a provider until it was challenged. */
async function challenged(provider: FakeProvider): Promise<unknown> {
  await expect
    .poll(
      async () => {
        const body = JSON.stringify({
          model: 'tiny',
          max_tokens: 10,
          messages: [{ role: 'user', content: 'Hello.' }],
          provider: { only: [provider.peer] },
        })
        const url = `${edge.url}/v1/chat/completions`
        await (await fetch(url, { method: 'POST', headers: headers(), body })).arrayBuffer()
        return results(provider).length
      },
      { timeout: 120_000, interval: 250 },
    )
    .toBe(1)
  return results(provider)[0]
}

it('finds two providers that are one machine, and leaves two alone that are not', async () => {
  const apart = [await connect(machine(), 'b'), await connect(machine(), 'b')]
  const shared = machine()
  const first = await connect(shared, 'a')
  const second = await connect(shared, 'a')
  expect(await challenged(apart[0]!.provider)).toBe('apart')
  const closed = once(second.socket, 'close')
  expect(await challenged(first.provider)).toBe('shared')
  expect((await closed)[0]).toBe(CLOSE.sharedGpu)
  for (const { socket } of [...apart, first]) expect(socket.readyState).toBe(socket.OPEN)
  const shown = await fetch(`${edge.url}/v1/providers/${second.provider.peer}`, {
    headers: headers(),
  })
  expect(await shown.json()).toMatchObject({
    shared_gpu: [{ provider: first.provider.peer, rests: true }],
  })
  await expect.poll(async () => (await edge.operate('ledger'))['sound']).toBe(true)
}, 240_000)
