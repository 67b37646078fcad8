import { newAccountId, newJobId, type JobId } from '@infernet/schemas/ids'
import { MIN_ESCROW_MSAT } from '@infernet/settlement/escrow/escrow-limits'
import { beforeEach, describe, expect, it } from 'vitest'
import { MAX_OPEN_JOBS_PER_ACCOUNT } from '../billing/priced-job-limits.ts'
import { answerJson } from '../testing/answers.ts'
import { buyBundle, sellingEdge } from '../testing/bundles.ts'
import { errorOf } from '../testing/error-answer.ts'
import { modelOffer, type FakeProvider } from '../testing/fake-provider.ts'
import { CREDIT_MSAT, startEdge, type TestEdge } from '../testing/test-edge.ts'

const NODE = { pubkey: '02ab', network: 'regtest', simulated: true }
const BODY = {
  model: 'tiny',
  messages: [{ role: 'user', content: 'Count to three.' }],
  max_completion_tokens: 100,
}
const TOOL = { type: 'function', function: { name: 'f' } }
const CHAT = { endpoint: '/v1/chat/completions', body: BODY }

interface Job {
  readonly id: JobId
  readonly status: string
  readonly result: unknown
  readonly [field: string]: unknown
}

describe('/v1/jobs', () => {
  let edge: TestEdge
  let provider: FakeProvider

  beforeEach(async () => {
    edge = await startEdge()
    provider = await edge.provider()
    await edge.billing.runs(NODE)
    edge.onWake = makeInvoices
  })

  /** The settler's part: every new job gets its invoice. */
  async function makeInvoices(): Promise<void> {
    for (const { id, escrow } of await edge.pricedJobs.listOf(edge.account, 100)) {
      if (escrow !== undefined) continue
      const expiresAt = edge.clock.now() / 1000 + 900
      await edge.pricedJobs.escrow(id, { state: 'open', bolt11: `lnbcrt${id}`, expiresAt })
    }
  }

  const order = (body: unknown = CHAT, init: RequestInit & { key?: string } = {}) =>
    edge.request('/v1/jobs', { method: 'POST', body: JSON.stringify(body), ...init })
  const ordered = async (body: unknown = CHAT): Promise<Job> => {
    const answered = await order(body)
    expect(answered.status).toBe(201)
    return (await answered.json()) as Job
  }
  const at = (path: string, init: RequestInit & { key?: string } = {}) =>
    edge.request(`/v1/jobs/${path}`, init)
  const get = async (id: string) => (await (await at(id)).json()) as Job
  const pay = async (id: JobId) => {
    await edge.pricedJobs.escrow(id, { state: 'accepted', bolt11: `lnbcrt${id}` })
    await edge.runner.run([id])
  }

  it('quotes a price that nothing can be above, with the invoice for it', async () => {
    const job = await ordered({ ...CHAT, metadata: { tag: 'a' } })
    expect(job).toMatchObject({
      object: 'job',
      endpoint: '/v1/chat/completions',
      model: 'tiny',
      status: 'awaiting_payment',
      price_msat: String(MIN_ESCROW_MSAT),
      price_sat: 1000,
      invoice: `lnbcrt${job.id}`,
      payment: { status: 'awaited', verdict: null },
      result: null,
      error: null,
      metadata: { tag: 'a' },
      network: 'regtest',
      simulated: true,
      notice: 'SIMULATED: no real money.',
    })
    expect(await get(job.id)).toEqual(job)
  })

  it('quotes the maximum cost where that is above the least', async () => {
    const price = { prompt: 1_000_000, completion: 100_000_000_000 }
    await edge.provider({ models: [modelOffer('dear', { price })] })
    const job = await ordered({ ...CHAT, body: { ...BODY, model: 'dear' } })
    // 100 tokens at 100,000 msat, and the prompt.
    expect(Number(job['price_msat'])).toBeGreaterThan(10_000_000)
    expect(Number(job['price_msat']) % 1000).toBe(0)
  })

  it('has the answer once it is paid and done, for an account without credit', async () => {
    const job = await ordered()
    await pay(job.id)
    expect(await get(job.id)).toMatchObject({ status: 'running', payment: { status: 'held' } })
    answerJson(await provider.jobs.next())
    await expect.poll(async () => (await get(job.id)).status).toBe('completed')
    expect(await get(job.id)).toMatchObject({
      result: { choices: [{ message: { content: 'one two three' } }] },
      provider: provider.peer,
      payment: { status: 'held', verdict: 'settle' },
    })
    expect((await edge.balance()).availableMsat).toBe(CREDIT_MSAT)
    const list = (await (await edge.request('/v1/jobs')).json()) as { data: Job[] }
    expect(list).toMatchObject({ object: 'list', data: [{ id: job.id, status: 'completed' }] })
    expect(list.data[0]).not.toHaveProperty('result')
    expect(edge.record.id).toBe((await get(job.id))['run'])
  })

  it('is cancelled while it waits and while it runs, and not when it is over', async () => {
    const [waits, runs] = [await ordered(), await ordered()]
    const cancel = (id: string) => at(`${id}/cancel`, { method: 'POST' })
    expect(await (await cancel(waits.id)).json()).toMatchObject({ status: 'cancelled' })
    await pay(runs.id)
    const job = await provider.jobs.next()
    expect(await (await cancel(runs.id)).json()).toMatchObject({
      status: 'cancelled',
      payment: { status: 'held', verdict: 'cancel', reason: 'withdrawn' },
    })
    expect(job.cancels).toHaveLength(1)
    answerJson(job)
    expect(await errorOf(await cancel(runs.id))).toMatchObject({ status: 409, code: 'job_is_over' })
    expect((await get(runs.id)).result).toBeNull()
  })

  it('is the same job for the same idempotency key', async () => {
    const init = { headers: { 'idempotency-key': 'k' } }
    const first = (await (await order(CHAT, init)).json()) as Job
    const again = await order(CHAT, init)
    expect([again.status, ((await again.json()) as Job).id]).toEqual([201, first.id])
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    const other = { ...CHAT, body: { ...CHAT.body, max_tokens: 3 } }
    expect(await errorOf(await order(other, init))).toMatchObject({ status: 409 })
  })

  it('is the same job for a client that lost its answer when the edge was killed', async () => {
    const init = { headers: { 'idempotency-key': 'lost' } }
    const lost = edge.pricedJobs.find.bind(edge.pricedJobs)
    edge.pricedJobs.find = () => Promise.reject(new Error('killed'))
    expect((await order(CHAT, init)).status).toBe(500)
    edge.pricedJobs.find = lost
    const [first, second] = [await order(CHAT, init), await order(CHAT, init)]
    expect(((await first.json()) as Job).id).toBe(((await second.json()) as Job).id)
    expect(((await (await edge.request('/v1/jobs')).json()) as { data: Job[] }).data).toHaveLength(
      1,
    )
  })

  it('is nobody else’s to see or cancel', async () => {
    const { id } = await ordered()
    const key = edge.addKey(newAccountId(edge.clock.now()))
    expect(await errorOf(await at(id, { key }))).toMatchObject({ status: 404 })
    const cancel = at(`${id}/cancel`, { key, method: 'POST' })
    expect(await errorOf(await cancel)).toMatchObject({ status: 404, code: 'job_not_found' })
    expect(await errorOf(await at(newJobId(0)))).toMatchObject({ status: 404 })
    expect(await errorOf(await at('x'))).toMatchObject({ status: 404 })
    expect(await errorOf(await order(CHAT, { key: 'sk-x' }))).toMatchObject({ status: 401 })
  })

  it('is for accounts, not for bundles', async () => {
    const selling = await sellingEdge()
    await selling.edge.provider()
    const { key } = await buyBundle(selling)
    const refused = await selling.edge.request('/v1/jobs', { key })
    expect(await errorOf(refused)).toMatchObject({ status: 403, code: 'account_required' })
  })

  it.each([
    [{ ...CHAT, endpoint: '/v1/responses' }, 400, 'endpoint'],
    [{ endpoint: CHAT.endpoint }, 400, 'body'],
    [{ ...CHAT, body: { ...BODY, messages: [{ role: 'x' }] } }, 400, 'body.messages.0.role'],
    [{ ...CHAT, body: { ...BODY, stream: true } }, 400, 'body.stream'],
    [{ ...CHAT, body: { ...BODY, model: 'none' } }, 404, 'model'],
    [{ ...CHAT, body: { ...BODY, tools: [TOOL] } }, 400, 'model'],
    [{ endpoint: '/v1/embeddings', body: { model: 'tiny', input: 'a' } }, 400, 'model'],
    [{ ...CHAT, metadata: { a: 1 } }, 400, 'metadata.a'],
  ])('refuses %j', async (body, status, param) => {
    expect(await errorOf(await order(body))).toMatchObject({ status, param })
  })

  it('has no job above what one payment can carry', async () => {
    const price = { prompt: 1, completion: 1e12 }
    await edge.provider({ models: [modelOffer('dear', { price, context_length: 10_000 })] })
    const body = { ...BODY, model: 'dear', max_completion_tokens: 10_000 }
    expect(await errorOf(await order({ ...CHAT, body }))).toMatchObject({
      status: 400,
      code: 'price_above_maximum',
    })
  })

  it('orders nothing while no settler runs', async () => {
    await edge.billing.runs(undefined)
    expect(await errorOf(await order())).toMatchObject({ status: 503, code: 'settler_unavailable' })
    expect(await edge.pricedJobs.listOf(edge.account, 1)).toEqual([])
  })

  it('has so many open jobs per account', async () => {
    for (let n = 0; n < MAX_OPEN_JOBS_PER_ACCOUNT; n++) await ordered()
    expect(await errorOf(await order())).toMatchObject({ status: 429, code: 'too_many_open_jobs' })
  })

  it('quotes computing, within bounds, and orders none of it', async () => {
    const quote = (fields: object) =>
      at('quotes', { method: 'POST', body: JSON.stringify({ kind: 'compute', ...fields }) })
    expect(await (await quote({ gpu_seconds: 3600, memory_gib: 80 })).json()).toMatchObject({
      object: 'job.quote',
      price_msat: '2400000',
      price_sat: 2400,
      fee_msat: '24000',
      provider_msat: '2376000',
      rates: { gpu_hour_msat: '2000000', gib_hour_msat: '5000', exaflop_msat: '1400000' },
    })
    const flop = await quote({ flop: '10000000000000000000', memory_gib: 1, seconds: 3600 })
    expect(await flop.json()).toMatchObject({ price_msat: '14005000' })
    for (const bad of [
      {},
      { gpu_seconds: 1, flop: '1' },
      { gpu_seconds: 1e9 },
      { gpu_seconds: 0 },
      { flop: '1', memory_gib: 1 },
      { flop: '-1' },
      { kind: 'container', gpu_seconds: 1 },
    ])
      expect(await errorOf(await quote(bad))).toMatchObject({ status: 400 })
  })
})
