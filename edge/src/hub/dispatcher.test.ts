import { CLOSE } from '@infernet/schemas/close-codes'
import { newAccountId } from '@infernet/schemas/ids'
import { describe, expect, it } from 'vitest'
import { FIRST_BYTE_TIMEOUT_MS, SWEEP_INTERVAL_MS } from '../limits.ts'
import { answerJson, answerStream, completion, piece, readEvents } from '../testing/answers.ts'
import { modelOffer, type FakeJob, type FakeProvider } from '../testing/fake-provider.ts'
import { expectSpent } from '../testing/one-job.ts'
import { CREDIT_MSAT, startEdge, type TestEdge } from '../testing/test-edge.ts'
import { HEDGE_FLOOR_MS, HEDGE_MIN_SAMPLES } from './provider-stats.ts'

const tick = (): Promise<void> => new Promise(setImmediate)

/** Answers so many streams at once, so that the provider has a p99 of its own: very little. */
async function warmUp(edge: TestEdge, provider: FakeProvider): Promise<void> {
  for (let i = 0; i < HEDGE_MIN_SAMPLES; i++) {
    const answer = edge.chat({ stream: true })
    answerStream(await provider.jobs.next())
    await readEvents(await answer)
  }
  edge.records.length = 0
  await edge.accounts.deposit(edge.account, 'warm up', HEDGE_MIN_SAMPLES * 16)
}

/** A stream whose fast provider has begun to dawdle, and the second provider that is asked then. */
async function hedged() {
  const edge = await startEdge()
  const fast = await edge.provider()
  await warmUp(edge, fast)
  const other = await edge.provider()
  other.unsentBytes = Number.POSITIVE_INFINITY
  const answer = edge.chat({ stream: true })
  const slow = (await fast.jobs.next()).accept()
  other.unsentBytes = 0
  edge.clock.advance(HEDGE_FLOOR_MS + SWEEP_INTERVAL_MS)
  return { edge, fast, other, answer, slow, second: await other.jobs.next() }
}

describe('a provider whose first byte is later than its own p99', () => {
  it('is helped by a second one, and whoever is first answers', async () => {
    const { edge, other, answer, slow, second } = await hedged()
    answerStream(second)
    expect((await readEvents(await answer)).at(-1)).toBe('[DONE]')
    expect(slow.cancels).toEqual(['{"reason":"hedged"}'])
    slow.error()
    expect(edge.record).toMatchObject({ status: 'completed', attempts: 2, providerId: other.peer })
    await expectSpent(edge, 16)
  })

  it('answers itself when it is first after all', async () => {
    const { edge, fast, answer, slow, second } = await hedged()
    slow.head().data(piece.role())
    expect(second.cancels).toEqual(['{"reason":"hedged"}'])
    slow.data(piece.text('one ')).data(piece.finish()).data(piece.usage(10, 1)).end()
    expect((await readEvents(await answer)).at(-1)).toBe('[DONE]')
    expect(edge.record).toMatchObject({ status: 'completed', providerId: fast.peer })
  })

  it('costs nothing when both fail', async () => {
    const { edge, answer, slow, second } = await hedged()
    slow.error()
    second.error()
    expect((await answer).status).toBe(502)
    expect(edge.record).toMatchObject({ status: 'failed', attempts: 2 })
    await expectSpent(edge, 0)
  })

  it('gives its slot back when it says nothing to being called back', async () => {
    const { edge, fast, answer, second } = await hedged()
    answerStream(second)
    await readEvents(await answer)
    edge.clock.advance(FIRST_BYTE_TIMEOUT_MS)
    const jobs: FakeJob[] = []
    const answers = Array.from({ length: 8 }, () => edge.chat())
    await tick()
    while (fast.jobs.size > 0) jobs.push(await fast.jobs.next())
    expect(jobs).toHaveLength(4)
    edge.hub.closeAll(CLOSE.restarting, 'end')
    await Promise.all(answers)
  })
})

describe('waiting for a provider', () => {
  it('is fair: an account with many requests delays another’s one by a turn', async () => {
    const edge = await startEdge()
    const provider = await edge.provider({ slots: 1 })
    const other = newAccountId(edge.clock.now())
    await edge.accounts.deposit(other, 'start', CREDIT_MSAT)
    const key = edge.addKey(other)
    const many = Array.from({ length: 5 }, () => edge.chat())
    await tick()
    const one = edge.chat({}, { key })
    await tick()
    answerJson(await provider.jobs.next())
    answerJson(await provider.jobs.next())
    answerJson(await provider.jobs.next())
    expect((await one).status).toBe(200)
    expect(edge.records).toHaveLength(3)
    for (let i = 3; i < 6; i++) answerJson(await provider.jobs.next())
    for (const answer of many) expect((await answer).status).toBe(200)
  })

  it('does not let a newcomer overtake those who wait', async () => {
    const edge = await startEdge()
    const provider = await edge.provider({ slots: 1 })
    const order: number[] = []
    const first = edge.chat()
    const job = (await provider.jobs.next()).begin()
    const second = edge.chat().then(() => order.push(2))
    await tick()
    job.data(completion('one')).end()
    const third = edge.chat().then(() => order.push(3))
    answerJson(await provider.jobs.next())
    answerJson(await provider.jobs.next())
    await Promise.all([first, second, third])
    expect(order).toEqual([2, 3])
  })
})

describe('a conversation', () => {
  it('goes on with the provider that has its beginning in the cache', async () => {
    const edge = await startEdge()
    await edge.accounts.deposit(edge.account, 'more', 100 * CREDIT_MSAT)
    const providers = await Promise.all(Array.from({ length: 8 }, () => edge.provider()))
    const messages = [{ role: 'user', content: 'Tell me a long story. '.repeat(100) }]
    const models = new Set<string | null>()
    for (let turn = 0; turn < 6; turn++) {
      const answer = edge.chat({ messages })
      await tick()
      const asked = providers.find(({ jobs }) => jobs.size > 0)
      answerJson(await asked!.jobs.next())
      models.add((await answer).headers.get('x-infernet-provider'))
      messages.push({ role: 'assistant', content: 'one two three' })
      messages.push({ role: 'user', content: `And then? ${turn}` })
    }
    expect(models.size).toBe(1)
  })
})

describe('a client who asks how its request was routed', () => {
  const headers = { 'x-openrouter-metadata': 'enabled' }
  it('is told in a whole answer', async () => {
    const edge = await startEdge()
    const second = await edge.provider()
    const first = await edge.provider()
    const authorization = `Bearer ${edge.key}`
    const answer = edge.chat({}, { headers: { ...headers, authorization } })
    ;(await first.jobs.next()).error()
    answerJson(await second.jobs.next())
    expect(await (await answer).json()).toMatchObject({
      openrouter_metadata: {
        requested: 'tiny',
        model: 'tiny',
        strategy: 'balanced',
        attempt: 2,
        attempts: [
          { provider: first.peer, status: 'error', latency: null },
          { provider: second.peer, status: 'selected', latency: 0 },
        ],
      },
    })
  })

  it('is told in the last chunk of a stream, and nobody else is', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const asked = edge.chat({ stream: true }, { headers })
    answerStream(await provider.jobs.next())
    expect((await readEvents(await asked)).at(-2)).toMatchObject({
      choices: [],
      openrouter_metadata: { attempt: 1, attempts: [{ provider: provider.peer }] },
    })
    const plain = edge.chat({ stream: true })
    answerStream(await provider.jobs.next())
    expect(JSON.stringify(await readEvents(await plain))).not.toContain('openrouter_metadata')
  })
})

describe('what a request needs', () => {
  it('is answered with 400 when no provider of its model can do it', async () => {
    const edge = await startEdge()
    await edge.provider({ models: [modelOffer('tiny')] })
    const tools = [{ type: 'function', function: { name: 'f', parameters: {} } }]
    const response = await edge.chat({ tools })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      error: { code: 'unsupported_by_model', message: expect.stringContaining('tools') },
    })
  })

  it('is answered with 503 when it is the client’s preferences that leave nobody', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const response = await edge.chat({ provider: { ignore: [provider.peer] } })
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ error: { code: 'no_provider_matches' } })
  })
})
