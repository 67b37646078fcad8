import { mkdtempSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PeerId } from '@infernet/schemas/peer-id'
import { afterEach, describe, expect, it } from 'vitest'
import { loadIdentity } from '../identity.ts'
import { FakeEdge } from '../testing/fake-edge.ts'
import { ok } from './check.ts'
import { jobCheck } from './job-check.ts'
import { runChecks } from './run-checks.ts'

const { peer } = loadIdentity(join(mkdtempSync(join(tmpdir(), 'infernet-')), 'key.pem')).identity
const edges: FakeEdge[] = []
afterEach(async () => {
  for (const edge of edges.splice(0)) await edge.close()
})

interface Asked {
  readonly url: string
  readonly authorization: string | undefined
  readonly body: unknown
}

/** An edge that knows this provider, and what it was asked. */
async function newEdge(provider: object, status = 200) {
  const asked: Asked[] = []
  const http: RequestListener = async (request, response) => {
    const text = Buffer.concat(await request.toArray()).toString()
    const { url = '', headers } = request
    const body: unknown = text === '' ? undefined : JSON.parse(text)
    asked.push({ url, authorization: headers.authorization, body })
    const isJob = request.method === 'POST'
    const usage = { prompt_tokens: 3, completion_tokens: 8, total_tokens: 11 }
    const answer = status === 200 ? { usage } : { error: { message: 'no credit left' } }
    response.writeHead(isJob ? status : 200).end(JSON.stringify(isJob ? answer : provider))
  }
  const edge = new FakeEdge({ http })
  edges.push(edge)
  await edge.start()
  return { edge: edge.url, asked }
}

async function look(
  edge: string | undefined,
  clientKey: string | undefined,
  own: PeerId | undefined = peer,
) {
  const there = { id: 'edge_websocket', name: 'edge', run: () => ok('') }
  const check = jobCheck({ edge, clientKey, peer: () => own, now: () => 0 })
  const { signal } = new AbortController()
  return (await runChecks([there, check], { signal, now: () => 0 }))[1]!
}

const models = [{ id: 'm', endpoints: ['chat.completions'] }]

describe('the check by a job', () => {
  it('sends one that only this provider may answer', async () => {
    const { edge, asked } = await newEdge({ online: true, models })
    expect(await look(edge, 'sk-inf-x')).toMatchObject({
      outcome: 'ok',
      said: 'm answered through the edge in 0.0 s (11 tokens)',
    })
    expect(asked).toMatchObject([
      { url: `/v1/providers/${peer}`, authorization: 'Bearer sk-inf-x' },
      { url: '/v1/chat/completions', body: { model: 'm', provider: { only: [peer] } } },
    ])
  })

  it('asks for vectors of a model that makes nothing else', async () => {
    const vectors = [{ id: 'v', endpoints: ['embeddings'] }]
    const { edge, asked } = await newEdge({ online: true, models: vectors })
    expect((await look(edge, 'k')).outcome).toBe('ok')
    expect(asked[1]).toMatchObject({ url: '/v1/embeddings', body: { input: 'Say hello.' } })
  })

  it('is not tried unless it is paid for', async () => {
    const { edge, asked } = await newEdge({ online: true, models })
    expect((await look(edge, undefined)).outcome).toBe('skipped')
    expect(asked).toEqual([])
  })

  it('ends when it is stopped, though the edge does not answer', async () => {
    const stopping = new AbortController()
    const edge = new FakeEdge({ http: () => stopping.abort() })
    edges.push(edge)
    await edge.start()
    const check = jobCheck({ edge: edge.url, clientKey: 'k', peer: () => peer, now: () => 0 })
    expect(await check.run(stopping.signal)).toMatchObject({ outcome: 'failed' })
  })

  it('says what is missing: the agent, or the credit', async () => {
    const away = await newEdge({ online: false, models })
    expect(await look(away.edge, 'k')).toMatchObject({
      outcome: 'failed',
      fix: `infernet-agent run --edge ${away.edge}`,
    })
    const poor = await newEdge({ online: true, models }, 402)
    const found = await look(poor.edge, 'k')
    expect(found.outcome).toBe('failed')
    expect(found.said).toContain('no credit left')
  })
})
