import { CLOSE } from '@infernet/schemas/close-codes'
import { FRAME } from '@infernet/schemas/frame'
import { signedHeaders } from '@infernet/schemas/provider-request'
import { selfTestRequest, selfTestSchema, type SelfTestJson } from '@infernet/schemas/self-test'
import { beforeEach, describe, expect, it } from 'vitest'
import { ACCEPT_TIMEOUT_MS, FIRST_BYTE_TIMEOUT_MS, IDLE_TIMEOUT_MS } from '../limits.ts'
import { answerStream, piece } from '../testing/answers.ts'
import { errorOf } from '../testing/error-answer.ts'
import {
  modelOffer,
  newProviderKey,
  type FakeJob,
  type FakeProvider,
} from '../testing/fake-provider.ts'
import { startEdge, type TestEdge } from '../testing/test-edge.ts'
import {
  MAX_SELF_TEST_ANSWER_BYTES,
  SELF_TEST_INTERVAL_MS,
  SELF_TEST_RECEIPT_WAIT_MS,
  SELF_TEST_TOKENS,
} from './self-test-limits.ts'

const HOST = 'edge.test'
const VECTORS = {
  object: 'list',
  data: [{ object: 'embedding', index: 0, embedding: [0.5] }],
  model: 'v',
  usage: { prompt_tokens: 3, total_tokens: 3 },
}

let edge: TestEdge
const leased: string[] = []
beforeEach(async () => {
  leased.length = 0
  edge = await startEdge({
    watch: {
      leased: ({ job }) => void leased.push(job),
      ended: ({ job }) => void leased.push(job),
    },
  })
})

const ask = (
  peer: string,
  { sign, peer: name }: Pick<FakeProvider['key'], 'peer' | 'sign'>,
  about = selfTestRequest(HOST),
): Promise<Response> =>
  edge.fetch(
    new Request(`http://${HOST}:8787/v1/providers/${peer}/self-test`, {
      method: 'POST',
      headers: signedHeaders({ peer: name, sign }, about, edge.clock.now()),
    }),
  )

async function reportOf(asking: Promise<Response>): Promise<SelfTestJson> {
  const response = await asking
  expect(response.status).toBe(200)
  const body: unknown = await response.json()
  expect(selfTestSchema.parse(body)).toEqual(body)
  return body as SelfTestJson
}

const tested = (provider: FakeProvider) => reportOf(ask(provider.peer, provider.key))

/** Lets everything go on that waits for no clock. */
async function settled(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise(setImmediate)
}

/** Answers the next job by `answer`, and lets `ms` pass then. */
async function failing(provider: FakeProvider, answer: (job: FakeJob) => void, ms = 0) {
  const asking = tested(provider)
  answer(await provider.jobs.next())
  await settled()
  edge.clock.advance(ms)
  return asking
}

describe('a provider that has itself tested', () => {
  it('gets a small job for nothing, and is told what it has reached', async () => {
    const provider = await edge.provider()
    const asking = tested(provider)
    const job = await provider.jobs.next()
    expect(job.header).toMatchObject({
      model: 'tiny',
      max_output_tokens: SELF_TEST_TOKENS,
      price: { prompt: 0, completion: 0 },
    })
    edge.clock.advance(50)
    answerStream(job)
    await settled()
    edge.clock.advance(30)
    provider.sendReceipts([job.statement()])
    const { results } = await provider.acks.next()
    expect(results).toEqual([{ lease: job.header.lease, status: 'stored' }])
    expect(await asking).toEqual({
      object: 'provider_self_test',
      provider: provider.peer,
      passed: true,
      model: 'tiny',
      job: job.header.job,
      prompt_tokens: 10,
      completion_tokens: 3,
      stages: [
        { stage: 'matched', ms: 0 },
        { stage: 'dispatched', ms: 0 },
        { stage: 'first_token', ms: 50 },
        { stage: 'end', ms: 50 },
        { stage: 'receipt', ms: 80 },
      ],
      failure: null,
    })
  })

  it('moves no money, and leaves nothing that could', async () => {
    const provider = await edge.provider()
    const before = { ...(await edge.balance()) }
    const asking = tested(provider)
    const job = await provider.jobs.next()
    answerStream(job)
    await settled()
    // Whatever it signs: nobody keeps it.
    const price = { prompt: 9_000_000, completion: 9_000_000 }
    provider.sendReceipts([job.statement({ price })])
    expect((await asking).passed).toBe(true)
    expect(edge.records).toEqual([])
    expect(edge.store.receipts.size).toBe(0)
    expect(edge.store.ledger.size).toBe(0)
    expect(await edge.balance()).toEqual(before)
  })

  it('is judged by nothing of it: no figures, no audit, no question of the operator’s', async () => {
    const provider = await edge.provider()
    const figures = () => edge.hub.providersOf('tiny')
    const before = figures()
    const asking = tested(provider)
    const job = await provider.jobs.next()
    answerStream(job)
    await settled()
    provider.sendReceipts([job.statement()])
    await asking
    edge.clock.advance(SELF_TEST_INTERVAL_MS)
    await failing(provider, (again) => again.begin().error())
    expect(figures()).toEqual(before)
    expect(provider.openRequests.size).toBe(0)
    expect(leased).toEqual([])
    const events = edge.log.map(({ event }) => event)
    expect(events.filter((event) => event === 'self_test')).toHaveLength(2)
    expect(events).not.toContain('job')
  })

  it('may be one that makes vectors, which come as a whole', async () => {
    const provider = await edge.provider({
      models: [modelOffer('v', { endpoints: ['embeddings'] })],
    })
    const asking = tested(provider)
    const job = await provider.jobs.next()
    expect(JSON.parse(new TextDecoder().decode(job.body))).toEqual({
      model: 'v',
      input: 'Say hello.',
    })
    job.begin().data(JSON.stringify(VECTORS)).end()
    await settled()
    provider.sendReceipts([job.statement()])
    expect(await asking).toMatchObject({ passed: true, model: 'v' })
  })

  it('is nobody but who has signed, for this edge', async () => {
    const provider = await edge.provider()
    const other = newProviderKey()
    expect(await errorOf(await ask(provider.peer, other))).toMatchObject({
      status: 403,
      code: 'not_the_provider',
    })
    for (const about of [selfTestRequest('evil.test'), `earnings at ${HOST}`])
      expect((await ask(provider.peer, provider.key, about)).status).toBe(401)
    const unsigned = await edge.request(`/v1/providers/${provider.peer}/self-test`, {
      method: 'POST',
    })
    expect(unsigned.status).toBe(403)
    expect((await ask('12D3KooWnobody', other)).status).toBe(404)
    expect(provider.jobs.size).toBe(0)
  })

  it('is tested once at a time, and not again too soon', async () => {
    const provider = await edge.provider()
    const asking = tested(provider)
    const job = await provider.jobs.next()
    const early = await ask(provider.peer, provider.key)
    expect(early.headers.get('retry-after')).toBe('10')
    expect(await errorOf(early)).toMatchObject({ status: 429, code: 'too_many_self_tests' })
    job.busy()
    await asking
    expect((await ask(provider.peer, provider.key)).status).toBe(429)
    edge.clock.advance(SELF_TEST_INTERVAL_MS)
    expect((await failing(provider, (again) => again.busy())).failure?.code).toBe('busy')
  })

  it('has receipts of its own tests accepted, and of no others', async () => {
    const [one, two] = [await edge.provider(), await edge.provider()]
    const asking = tested(one)
    const job = await one.jobs.next()
    answerStream(job)
    two.sendReceipts([job.statement({ provider: two.peer })])
    expect((await two.acks.next()).results).toMatchObject([{ status: 'unknown' }])
    await settled()
    edge.clock.advance(SELF_TEST_RECEIPT_WAIT_MS)
    expect((await asking).failure).toMatchObject({ stage: 'receipt', code: 'no_receipt' })
    // One that comes late is no cause for alarm.
    one.sendReceipts([job.statement()])
    expect((await one.acks.next()).results).toMatchObject([{ status: 'stored' }])
  })
})

/** The stage that is not reached, why, what the provider does with its job, and the ms that pass then. */
type Failure = readonly [stage: string, code: string, answer: (job: FakeJob) => void, ms: number]

const FAILURES: readonly Failure[] = [
  ['dispatched', 'busy', (job: FakeJob) => void job.busy(), 0],
  ['dispatched', 'silent', () => {}, 2 * ACCEPT_TIMEOUT_MS],
  ['first_token', 'failed', (job: FakeJob) => void job.accept().error(), 0],
  ['first_token', 'failed', (job: FakeJob) => void job.begin().end(), 0],
  [
    'first_token',
    'refused',
    (job: FakeJob) => void job.accept().error({ fault: 'request', code: 'bad' }),
    0,
  ],
  ['first_token', 'timeout', (job: FakeJob) => void job.accept(), FIRST_BYTE_TIMEOUT_MS],
  [
    'first_token',
    'timeout',
    (job: FakeJob) => void job.begin().data(piece.role()),
    IDLE_TIMEOUT_MS,
  ],
  ['end', 'failed', (job: FakeJob) => void job.begin().data(piece.text('one')).error(), 0],
  [
    'end',
    'timeout',
    (job: FakeJob) => void job.begin().data(piece.text('one')),
    FIRST_BYTE_TIMEOUT_MS,
  ],
  [
    'end',
    'failed',
    (job: FakeJob) => {
      job.begin()
      const text = piece.text('x'.repeat(60_000))
      for (let sent = 0; sent <= MAX_SELF_TEST_ANSWER_BYTES; sent += text.length) job.data(text)
    },
    FIRST_BYTE_TIMEOUT_MS,
  ],
]

describe('a self-test that fails', () => {
  it.each(FAILURES)('says that %s was not reached: %s', async (stage, code, answer, ms) => {
    const provider = await edge.provider()
    const { failure, passed, stages } = await failing(provider, answer, ms)
    expect({ passed, stage: failure?.stage, code: failure?.code }).toEqual({
      passed: false,
      stage,
      code,
    })
    expect(stages.map((one) => one.stage)).toEqual(
      ['matched', 'dispatched', 'first_token'].slice(0, stages.length),
    )
    expect(edge.records).toEqual([])
    expect(provider.closed?.code).toBe(code === 'silent' ? CLOSE.silent : undefined)
  })

  it('says that the connection ended', async () => {
    const provider = await edge.provider()
    const { failure } = await failing(provider, (job) => {
      job.begin()
      provider.vanish()
    })
    expect(failure).toMatchObject({ stage: 'first_token', code: 'lost' })
  })

  it('says why there was no job at all, and asks no engine', async () => {
    const codeOf = async (provider: FakeProvider): Promise<string | undefined> => {
      const { failure, stages } = await tested(provider)
      expect(stages).toEqual([])
      expect(provider.jobs.size).toBe(0)
      return failure?.code
    }
    const provider = await edge.provider({ models: [] })
    expect(await codeOf(provider)).toBe('no_model')
    provider.vanish()
    expect(await codeOf(provider)).toBe('offline')
    const full = await edge.provider({ slots: 1 })
    void edge.chat({ stream: true })
    const job = await full.jobs.next()
    expect(await codeOf(full)).toBe('full')
    answerStream(job)
    const draining = await edge.provider()
    draining.sendControl(FRAME.drain, { reason: 'its owner stops it' })
    expect(await codeOf(draining)).toBe('draining')
  })

  it('says that offers do not count, and that verifiers get no jobs', async () => {
    const verifiers = newProviderKey()
    const open = await startEdge({ verifiers: new Set([verifiers.peer]) })
    await open.provider({ role: 'verifier' }, verifiers)
    expect(await open.hub.selfTest(verifiers.peer)).toMatchObject({ failure: { code: 'verifier' } })
    const provider = await edge.provider()
    const other = await edge.provider()
    void edge.chat({ provider: { only: [provider.peer] }, stream: true })
    await provider.jobs.next()
    edge.hub.rest({
      peer: provider.peer,
      beside: other.peer,
      since: edge.clock.now(),
      until: edge.clock.now() + 1000,
    })
    // It stays until the job that it has is done.
    expect(await edge.hub.selfTest(provider.peer)).toMatchObject({
      failure: { stage: 'matched', code: 'not_offered' },
    })
  })
})
