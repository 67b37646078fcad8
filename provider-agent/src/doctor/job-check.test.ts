import { mkdtempSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readSignedRequest } from '@infernet/schemas/provider-request'
import { selfTestRequest, type SelfTestJson } from '@infernet/schemas/self-test'
import { afterEach, describe, expect, it } from 'vitest'
import { loadIdentity, type Identity } from '../identity.ts'
import { FakeEdge } from '../testing/fake-edge.ts'
import { ok } from './check.ts'
import { jobCheck } from './job-check.ts'
import { runChecks } from './run-checks.ts'

const key = loadIdentity(join(mkdtempSync(join(tmpdir(), 'infernet-')), 'key.pem')).identity
const { peer } = key
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

interface Look {
  readonly own?: Identity | undefined
  readonly isRunning?: boolean
}

const checkOf = (
  edge: string | undefined,
  clientKey?: string,
  { isRunning = false, ...given }: Look = {},
) =>
  jobCheck({
    edge,
    clientKey,
    identity: () => ('own' in given ? given.own : key),
    isRunning: async () => isRunning,
    dataFlag: ' --data d',
    now: () => 0,
  })

async function look(edge: string | undefined, clientKey?: string, given?: Look) {
  const there = { id: 'edge_websocket', name: 'edge', run: () => ok('') }
  const check = checkOf(edge, clientKey, given)
  const { signal } = new AbortController()
  return (await runChecks([there, check], { signal, now: () => 0 }))[1]!
}

const models = [{ id: 'm', endpoints: ['chat.completions'] }]

describe('the check by a client’s job', () => {
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

  it('ends when it is stopped, though the edge does not answer', async () => {
    const stopping = new AbortController()
    const edge = new FakeEdge({ http: () => stopping.abort() })
    edges.push(edge)
    await edge.start()
    const check = checkOf(edge.url, 'k')
    expect(await check.run(stopping.signal)).toMatchObject({ outcome: 'failed' })
  })

  it('says what is missing: the agent, or the credit', async () => {
    const away = await newEdge({ online: false, models })
    expect(await look(away.edge, 'k')).toMatchObject({
      outcome: 'failed',
      fix: `infernet-agent run --edge ${away.edge} --data d`,
    })
    const poor = await newEdge({ online: true, models }, 402)
    const found = await look(poor.edge, 'k')
    expect(found.outcome).toBe('failed')
    expect(found.said).toContain('no credit left')
  })
})

const report: SelfTestJson = {
  object: 'provider_self_test',
  provider: peer,
  passed: true,
  model: 'm',
  job: 'job_1',
  prompt_tokens: 3,
  completion_tokens: 8,
  stages: [
    { stage: 'matched', ms: 0 },
    { stage: 'dispatched', ms: 1 },
    { stage: 'first_token', ms: 60 },
    { stage: 'end', ms: 71 },
    { stage: 'receipt', ms: 320 },
  ],
  failure: null,
}

/** An edge that answers every request for a self-test like this. */
async function testing(answer: object, status = 200) {
  const signers: unknown[] = []
  const edge = new FakeEdge({
    http: async (request, response) => {
      const header = (name: string) => request.headers[name]?.toString()
      const signed = await readSignedRequest(header, selfTestRequest('127.0.0.1'), 0)
      signers.push([request.method, request.url, signed])
      response.writeHead(status).end(JSON.stringify(answer))
    },
  })
  edges.push(edge)
  await edge.start()
  return { edge: edge.url, signers }
}

const broken = (
  stage: 'matched' | 'first_token' | 'receipt',
  code: NonNullable<SelfTestJson['failure']>['code'],
): SelfTestJson => ({
  ...report,
  passed: false,
  stages: report.stages.slice(0, { matched: 0, first_token: 2, receipt: 4 }[stage]),
  ...(stage === 'matched' ? { model: null, job: null } : {}),
  failure: { stage, code, message: `so it is: ${code}` },
})

describe('the check by a job of the edge’s own', () => {
  it('has one sent to this provider alone, and shows each stage with its time', async () => {
    const { edge, signers } = await testing(report)
    expect(await look(edge)).toMatchObject({
      outcome: 'ok',
      said:
        'm: matched 0 ms, dispatched 1 ms, first token 60 ms, end 71 ms, receipt accepted 320 ms' +
        ' (8 tokens, unpaid)',
    })
    expect(signers).toEqual([['POST', `/v1/providers/${peer}/self-test`, { ok: true, peer }]])
  })

  it('says which stage was not reached, how far it came, and what to do', async () => {
    const engine = await testing(broken('first_token', 'failed'))
    expect(await look(engine.edge)).toMatchObject({
      outcome: 'failed',
      said: 'm: matched 0 ms, dispatched 1 ms; no first token: so it is: failed',
      fix: expect.stringContaining('see engine above') as string,
    })
    const models = await testing(broken('matched', 'no_model'))
    expect(await look(models.edge)).toMatchObject({
      outcome: 'failed',
      said: 'not matched: so it is: no_model',
      fix: expect.stringContaining('infernet-agent models') as string,
    })
    const receipt = await testing(broken('receipt', 'no_receipt'))
    const found = await look(receipt.edge)
    expect(found.said).toContain('end 71 ms; receipt not accepted: so it is')
    expect(found.fix).toContain('infernet-agent status')
  })

  it('blames an agent that runs for not being there, and else says how to start it', async () => {
    const away = await testing(broken('matched', 'offline'))
    const run = `infernet-agent run --edge ${away.edge} --data d`
    expect(await look(away.edge)).toMatchObject({
      outcome: 'skipped',
      said: expect.stringContaining(run) as string,
    })
    expect(await look(away.edge, undefined, { isRunning: true })).toMatchObject({
      outcome: 'failed',
      fix: expect.stringContaining('infernet-agent status') as string,
    })
  })

  it('is no failure where the agent has clients’ jobs to do, or the edge will not now', async () => {
    const message = 'Try again in 9 s.'
    const answers = [
      await testing(broken('matched', 'full')),
      await testing({ error: { message } }, 429),
      await testing({ error: { message: 'no such route' } }, 404),
    ]
    const found = await Promise.all(answers.map(({ edge }) => look(edge)))
    expect(found.map(({ outcome }) => outcome)).toEqual(['skipped', 'skipped', 'skipped'])
    expect(found[1]?.said).toContain(message)
    expect(found[2]?.said).toContain('--client-key')
  })

  it('fails where the edge answers as no edge does, or not at all', async () => {
    const foreign = await testing({ ...report, stages: [{ stage: 'paid', ms: 1 }] })
    expect((await look(foreign.edge)).outcome).toBe('failed')
    const clock = await testing({ error: { message: 'check the clock' } }, 401)
    expect(await look(clock.edge)).toMatchObject({
      outcome: 'failed',
      fix: expect.any(String) as string,
    })
    expect((await look('http://127.0.0.1:1')).outcome).toBe('failed')
  })

  it('needs an edge and a key', async () => {
    const { edge, signers } = await testing(report)
    expect((await look(undefined)).outcome).toBe('skipped')
    expect((await look(edge, undefined, { own: undefined })).outcome).toBe('skipped')
    expect(signers).toEqual([])
  })
})
