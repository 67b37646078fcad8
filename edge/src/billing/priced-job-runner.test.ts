import { newJobId, newRequestId, type ApiKeyId, type JobId } from '@infernet/schemas/ids'
import { beforeEach, describe, expect, it } from 'vitest'
import { HOLD_GRACE_MS, JOB_DEADLINE_MS } from '../limits.ts'
import { answerJson, completion } from '../testing/answers.ts'
import { modelOffer, type FakeProvider } from '../testing/fake-provider.ts'
import { CREDIT_MSAT, startEdge, type TestEdge } from '../testing/test-edge.ts'
import type { PricedJobOrder } from './priced-jobs-port.ts'
import { MAX_RUNNING_JOBS } from './priced-job-limits.ts'

const PRICE = 2_000_000n
const REFUND = { kind: 'cancel', reason: 'bad_verdict' }
const REQUEST = {
  model: 'tiny',
  messages: [{ role: 'user', content: 'Count to three.' }],
  max_completion_tokens: 100,
}

describe('the runner of jobs of a fixed price', () => {
  let edge: TestEdge
  let provider: FakeProvider
  let wakes: number

  beforeEach(async () => {
    edge = await startEdge()
    provider = await edge.provider()
    wakes = 0
    edge.onWake = () => void wakes++
  })

  const quoted = async (fields: Partial<PricedJobOrder> = {}): Promise<JobId> => {
    const now = edge.clock.now()
    const order: PricedJobOrder = {
      id: newJobId(now),
      accountId: edge.account,
      apiKeyId: '0123456789abcdef' as ApiKeyId,
      requestId: newRequestId(now),
      endpoint: '/v1/chat/completions',
      model: 'tiny',
      request: JSON.stringify(REQUEST),
      metadata: {},
      priceMsat: PRICE,
      feeBps: 100,
      createdAt: now,
      ...fields,
    }
    await edge.pricedJobs.quote(order, { ofAccount: 100, ofAll: 100, since: 0 })
    return order.id
  }
  const paid = async (fields: Partial<PricedJobOrder> = {}): Promise<JobId> => {
    const id = await quoted(fields)
    await edge.pricedJobs.escrow(id, { state: 'accepted' })
    return id
  }
  const find = async (id: JobId) =>
    (await edge.pricedJobs.find(edge.account, id)) ?? expect.fail(`${id} is gone`)
  const ended = (id: JobId, state: string) =>
    expect.poll(async () => (await find(id)).state, { interval: 2 }).toBe(state)

  it('runs a paid job, and has its answer stored with the verdict', async () => {
    const id = await paid()
    await edge.runner.run([id])
    expect(await find(id)).toMatchObject({ state: 'running' })
    const job = await provider.jobs.next()
    expect(JSON.parse(new TextDecoder().decode(job.body))).toMatchObject(REQUEST)
    answerJson(job)
    await ended(id, 'completed')
    const { result, run, providerId } = await find(id)
    expect(JSON.parse(result ?? '')).toMatchObject({
      choices: [{ message: { content: 'one two three' } }],
      usage: { total_tokens: 13, cost: 0 },
    })
    expect(providerId).toBe(provider.peer)
    expect(await edge.pricedJobs.decision(id)).toEqual({
      kind: 'settle',
      legs: [{ provider: provider.peer, gross: PRICE }],
      feeBps: 100,
    })
    expect(edge.record).toMatchObject({ id: run, status: 'completed', holdMsat: 0, costMsat: 0 })
    expect(await edge.balance()).toMatchObject({ availableMsat: CREDIT_MSAT, openHolds: 0 })
    await expect.poll(() => wakes).toBe(1)
  })

  it('needs no credit, and no room in the limits of account and key', async () => {
    edge.store.limits.set(edge.account, {
      requestsPerMinute: 1,
      tokensPerMinute: 1,
      maxConcurrent: 1,
      budgetMsatPerDay: 1,
    })
    const jobs = [await paid(), await paid()]
    await edge.runner.run(jobs)
    answerJson(await provider.jobs.next())
    answerJson(await provider.jobs.next())
    for (const id of jobs) await ended(id, 'completed')
  })

  it('gives the payment back when the provider fails', async () => {
    const id = await paid()
    await edge.runner.run([id])
    ;(await provider.jobs.next()).begin().error()
    await ended(id, 'failed')
    expect((await find(id)).error).toMatchObject({ code: 'provider_failed' })
    expect((await find(id)).result).toBeUndefined()
    expect(await edge.pricedJobs.decision(id)).toEqual(REFUND)
    await expect.poll(() => wakes).toBe(1)
  })

  it('pays nobody for an answer without a token', async () => {
    const id = await paid()
    await edge.runner.run([id])
    ;(await provider.jobs.next()).begin().data(completion('')).end()
    await ended(id, 'failed')
    expect(await edge.pricedJobs.decision(id)).toEqual(REFUND)
  })

  it('fails at once when nobody serves the model any more', async () => {
    const id = await paid({ model: 'gone' })
    await edge.runner.run([id])
    await ended(id, 'failed')
    expect((await find(id)).error).toMatchObject({ code: 'model_not_found' })
  })

  it('gives no job to a provider that asks more than its price', async () => {
    const dear = modelOffer('dear', { price: { prompt: 1e11, completion: 1e11 } })
    await edge.provider({ models: [dear] })
    const id = await paid({ model: 'dear' })
    await edge.runner.run([id])
    await ended(id, 'failed')
    expect((await find(id)).error?.code).toMatch(/^no_provider/)
    expect(await edge.pricedJobs.decision(id)).toEqual(REFUND)
  })

  it('stops when the job is withdrawn while it runs, and drops what it has', async () => {
    const id = await paid()
    await edge.runner.run([id])
    const job = await provider.jobs.next()
    const withdrawn = await edge.pricedJobs.withdraw(edge.account, id)
    await edge.hub.cancel(withdrawn?.run ?? expect.fail('nothing ran'), 'withdrawn')
    expect(job.cancels).toHaveLength(1)
    answerJson(job)
    await expect.poll(() => wakes).toBe(1)
    expect(await find(id)).toMatchObject({ state: 'withdrawn', result: undefined })
    expect(await edge.pricedJobs.decision(id)).toEqual({ kind: 'cancel', reason: 'withdrawn' })
  })

  it('drops an answer whose payment went back meanwhile', async () => {
    const id = await paid()
    await edge.runner.run([id])
    const job = await provider.jobs.next()
    const decision = { kind: 'cancel', reason: 'guardian' } as const
    await edge.pricedJobs.escrow(id, { state: 'accepted', decision })
    answerJson(job)
    await ended(id, 'failed')
    expect(await find(id)).toMatchObject({ error: { code: 'payment_returned' }, result: undefined })
    expect(await edge.pricedJobs.decision(id)).toEqual(decision)
  })

  it('leaves alone what is not paid, unknown, or running already', async () => {
    const unpaid = await quoted()
    const id = await paid()
    await edge.runner.run([unpaid, id, newJobId(0), 'nonsense', id])
    await edge.runner.run([id])
    answerJson(await provider.jobs.next())
    await ended(id, 'completed')
    expect(edge.records).toHaveLength(1)
    expect(await find(unpaid)).toMatchObject({ state: 'quoted' })
  })

  it('runs a job again whose runner died, and hears nothing of the first', async () => {
    const id = await paid()
    const now = edge.clock.now()
    const dead = newJobId(now)
    const until = now + JOB_DEADLINE_MS + HOLD_GRACE_MS
    await edge.pricedJobs.claim(id, { run: dead, now, until })
    await edge.runner.run([id])
    expect((await find(id)).run).toBe(dead)
    edge.clock.advance(until - now)
    await edge.runner.run([id])
    answerJson(await provider.jobs.next())
    await ended(id, 'completed')
    const done = { provider: provider.peer, result: '{}' }
    expect(await edge.pricedJobs.complete(id, dead, done)).toBe(false)
    expect((await find(id)).run).not.toBe(dead)
  })

  it('tells the settler when Postgres is away, and stores the end once it is back', async () => {
    const id = await paid()
    edge.pricedJobs.down = true
    await expect(edge.runner.run([id])).rejects.toMatchObject({ name: 'DbUnavailable' })
    edge.pricedJobs.down = false
    await edge.runner.run([id])
    const job = await provider.jobs.next()
    edge.pricedJobs.down = true
    answerJson(job)
    await expect.poll(() => edge.log.some(({ event }) => event === 'store_failed')).toBe(true)
    edge.pricedJobs.down = false
    await ended(id, 'completed')
  })

  it('runs so many at a time', async () => {
    const jobs: JobId[] = []
    for (let n = 0; n <= MAX_RUNNING_JOBS; n++) jobs.push(await paid())
    await edge.runner.run(jobs)
    const states = async () => {
      const all = await Promise.all(jobs.map(find))
      return all.filter(({ state }) => state === 'running').length
    }
    expect(await states()).toBe(MAX_RUNNING_JOBS)
    await edge.runner.close()
  })

  it('leaves what it runs to others when it is closed', async () => {
    const id = await paid()
    await edge.runner.run([id])
    await provider.jobs.next()
    await edge.runner.close()
    expect(await find(id)).toMatchObject({ state: 'running', error: undefined })
    expect(await edge.pricedJobs.decision(id)).toBeUndefined()
    const other = await paid()
    await edge.runner.run([other])
    expect(await find(other)).toMatchObject({ state: 'quoted' })
  })
})
