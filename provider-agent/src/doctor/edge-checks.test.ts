import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { FakeEdge, type FakeEdgeOptions } from '../testing/fake-edge.ts'
import { SELF_SIGNED } from '../testing/self-signed.ts'
import { edgeChecks } from './edge-checks.ts'
import { runChecks } from './run-checks.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function newEdge(options: FakeEdgeOptions = {}): Promise<FakeEdge> {
  const edge = new FakeEdge(options)
  closing.push(() => edge.close())
  await edge.start()
  return edge
}

async function portOf(server: Server): Promise<number> {
  closing.push(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function look(edge: string | undefined) {
  const { signal } = new AbortController()
  const results = await runChecks(edgeChecks({ edge, now: Date.now }), { signal, now: () => 0 })
  return Object.fromEntries(results.map((result) => [result.id, result]))
}

const outcomes = (found: Awaited<ReturnType<typeof look>>) =>
  Object.values(found).map(({ outcome }) => outcome)

const ALL = ['edge_name', 'edge_connection', 'clock', 'edge_websocket', 'edge_protocol']

describe('the checks of an edge', () => {
  it('find one that works, and log nobody in', async () => {
    const edge = await newEdge()
    const found = await look(edge.url)
    expect(Object.keys(found)).toEqual(ALL)
    expect(outcomes(found)).toEqual(ALL.map(() => 'ok'))
    expect(edge.sessions.map(({ hello }) => hello)).toEqual([undefined])
  })

  it('are not tried without an edge, and say so', async () => {
    const found = await look(undefined)
    expect(outcomes(found)).toEqual(ALL.map(() => 'skipped'))
    expect(found['edge_protocol']?.said).toContain('--edge')
  })

  it('find a name that is none, an address that is none, and where nothing listens', async () => {
    const nowhere = await look('https://no-such-host.invalid')
    expect(outcomes(nowhere)).toEqual(['failed', ...ALL.slice(1).map(() => 'skipped')])
    expect((await look('edge.example'))['edge_name']?.said).toContain('not an edge URL')
    const port = await portOf(createTcpServer())
    await closing.pop()?.()
    const found = await look(`http://127.0.0.1:${port}`)
    expect(found['edge_connection']).toMatchObject({
      outcome: 'failed',
      said: `nothing listens at 127.0.0.1 port ${port}`,
    })
    expect(found['edge_websocket']?.said).toBe('not tried: see edge: connection')
  })

  const late: RequestListener = (_, response) => {
    response.sendDate = false
    response.setHeader('date', new Date(Date.now() - 3_600_000).toUTCString()).end()
  }
  it.each([
    [{ http: late }, 'clock', /^3\d{3} s ahead/],
    [{ audience: 'edge.example.org' }, 'edge_websocket', /calls itself edge\.example\.org/],
    [{ versions: { min: 7, max: 9 } }, 'edge_protocol', /7 to 9.*update infernet-agent/],
    [{ refuseWith: { status: 403, body: '' } }, 'edge_websocket', /HTTP 403/],
  ] as const)('find the fault of %j', async (options, id, said) => {
    const edge = await newEdge(options)
    const found = await look(edge.url)
    expect(found[id]).toMatchObject({
      outcome: 'failed',
      fix: expect.stringMatching(/./) as string,
    })
    expect(found[id]?.said).toMatch(said)
    expect(found[id]?.fix).not.toMatch(/trying again|reconnecting/)
  })

  it('do not trust a certificate that nobody has signed', async () => {
    const port = await portOf(createServer(SELF_SIGNED))
    const { edge_connection: found } = await look(`https://localhost:${port}`)
    expect(found?.outcome).toBe('failed')
    expect(found?.fix).toContain('NODE_EXTRA_CA_CERTS')
  })
})
