import { once } from 'node:events'
import type { Server } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { runClosedLoop } from './closed-loop.ts'
import { runHangUps } from './hang-up.ts'
import { LOOPBACK, listeningUrl } from './loopback.ts'
import { createMockEngine } from './mock-engine.ts'
import { connectRelayAgent, createRelayGateway } from './relay.ts'

const engine = createMockEngine()
const gateway = createRelayGateway()
let agent: WebSocket
let engineUrl = ''
let gatewayUrl = ''

async function listen(server: Server): Promise<string> {
  server.listen(0, LOOPBACK)
  await once(server, 'listening')
  return listeningUrl(server)
}

beforeAll(async () => {
  engineUrl = await listen(engine)
  gatewayUrl = await listen(gateway)
  agent = await connectRelayAgent(gatewayUrl.replace('http', 'ws'), engineUrl)
})
afterAll(() => {
  agent.terminate()
  for (const server of [gateway, engine]) {
    server.close()
    server.closeAllConnections()
  }
})

const plan = (request: {
  stream: boolean
  chunks: number
  gapMs: number
  promptBytes: number
}) => ({
  url: `${gatewayUrl}/v1/chat/completions`,
  headers: {},
  request: { ...request, model: 'bench' },
})
const bounded = {
  kind: 'closed-loop',
  concurrency: 4,
  durationMs: 10_000,
  maxRequests: 12,
  strict: true,
} as const

describe('load over the relay', () => {
  it.each([
    ['JSON answers', { stream: false, chunks: 1, gapMs: 0, promptBytes: 0 }, 0],
    ['large prompts', { stream: false, chunks: 1, gapMs: 0, promptBytes: 65_536 }, 0],
    ['streams', { stream: true, chunks: 20, gapMs: 0, promptBytes: 0 }, 240],
  ])('delivers %s whole', async (_, request, chunks) => {
    const report = await runClosedLoop({ ...bounded, ...plan(request) })
    expect(report).toMatchObject({ requests: 12, failures: 0, reasons: [], chunks })
    expect(report.latencyUs!.p50).toBeGreaterThan(0)
    expect(report.firstTokenUs === undefined).toBe(!request.stream)
    expect(report.chunkDelayUs === undefined).toBe(!request.stream)
  })

  it('passes a hang-up on to the engine', async () => {
    const report = await runHangUps({
      kind: 'hang-up',
      ...plan({ stream: true, chunks: 1_000, gapMs: 5, promptBytes: 0 }),
      statsUrl: `${engineUrl}/stats`,
      attempts: 2,
      hangUpAfterChunks: 3,
    })
    expect(report).toMatchObject({ failures: 0, reasons: [] })
    expect(report.noticedAfterUs).toEqual([expect.any(Number), expect.any(Number)])
    expect(Math.max(...report.chunksSent)).toBeLessThan(1_000)
  })
})

describe('the load generator', () => {
  it('counts wrong answers and gives up on a broken target', async () => {
    const wrong = plan({ stream: false, chunks: 1, gapMs: 0, promptBytes: 0 })
    const report = await runClosedLoop({
      ...bounded,
      ...wrong,
      url: `${engineUrl}/none`,
      maxRequests: 1e6,
    })
    expect(report.requests).toBe(0)
    expect(report.failures).toBeLessThan(100)
    expect(report.reasons).toEqual([expect.stringContaining('status 404')])
  })

  it('refuses any address but this machine', async () => {
    const elsewhere = plan({ stream: false, chunks: 1, gapMs: 0, promptBytes: 0 })
    await expect(
      runClosedLoop({ ...bounded, ...elsewhere, url: 'http://192.0.2.1/v1' }),
    ).rejects.toThrow(TypeError)
  })
})
