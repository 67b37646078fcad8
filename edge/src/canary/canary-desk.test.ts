import { DRAWN_SPEC } from '@infernet/verification/testing/drawn-answer'
import { newJobId } from '@infernet/schemas/ids'
import { beforeEach, describe, expect, it } from 'vitest'
import { answerJson, answerStream } from '../testing/answers.ts'
import { ASKING_CREDIT_MSAT, startAskingEdge, type AskingEdge } from '../testing/asking-edge.ts'
import { modelOffer, type FakeProvider } from '../testing/fake-provider.ts'
import { MAX_CANARIES, PROMPT_INTERVAL_MS, UNPAID_PAUSE_MS } from './canary-limits.ts'

const MODELS = [modelOffer('tiny', { spec: DRAWN_SPEC })]
const settled = () => new Promise(setImmediate)

describe('canaries', () => {
  let rig: AskingEdge
  let first: FakeProvider
  let second: FakeProvider

  beforeEach(async () => {
    await begin()
  })

  async function begin(changes: Parameters<typeof startAskingEdge>[0] = {}) {
    rig = await startAskingEdge(changes)
    first = await rig.edge.provider({ models: MODELS })
    second = await rig.edge.provider({ models: MODELS })
  }

  /** A client's request that `provider` answers. */
  async function asked(provider: FakeProvider, fields: Record<string, unknown> = {}) {
    rig.edge.clock.advance(PROMPT_INTERVAL_MS)
    const { provider: preferences, ...body } = fields
    const answer = rig.edge.chat({
      provider: { only: [provider.peer], ...(preferences as object) },
      ...body,
    })
    const job = await provider.jobs.next()
    if (body['stream'] === true) answerStream(job)
    else answerJson(job)
    await (await answer).arrayBuffer()
    await settled()
    return job
  }
  const open = { open_audit: true }
  const canaryRecords = () => rig.edge.records.filter((one) => one.accountId === rig.account)
  const logged = (event: string) => rig.edge.log.filter((entry) => entry.event === event)

  it('are asked of another when the next request goes to somebody else', async () => {
    const original = await asked(first, { provider: open, temperature: 0.7 })
    expect(second.jobs.size).toBe(0)
    await asked(second)
    await asked(first)
    const canary = await second.jobs.next()
    expect(canary.body).toEqual(original.body)
    const { job, lease, seed, deadline_ms: _, ...header } = canary.header
    const { job: firstJob, lease: firstLease, seed: firstSeed, ...same } = original.header
    expect(same).toMatchObject(header)
    expect([job, lease, seed]).not.toEqual([firstJob, firstLease, firstSeed])
    answerJson(canary)
    await settled()
    expect(canaryRecords()).toMatchObject([
      { id: job, providerId: second.peer, status: 'completed', model: 'tiny' },
    ])
    expect(logged('canary')).toMatchObject([
      { fields: { job, provider: second.peer, model: 'tiny' } },
    ])
    const { availableMsat } = await rig.edge.accounts.balance(rig.account)
    expect(availableMsat).toBe(ASKING_CREDIT_MSAT - canaryRecords()[0]!.costMsat)
    expect(canaryRecords()[0]!.costMsat).toBeGreaterThan(0)
  })

  it('are always looked at, as questions of the operator’s', async () => {
    await asked(first, { provider: open })
    await asked(second)
    await asked(first)
    const canary = await second.jobs.next()
    answerJson(canary)
    rig.edge.clock.advance(200_000)
    await settled()
    const [audit] = await rig.edge.audits.auditsOf(canary.header.job)
    expect(audit).toMatchObject({ source: 'canary', provider: second.peer })
  })

  it('are streams where the request was one', async () => {
    await asked(first, { provider: open, stream: true })
    await asked(second)
    await asked(first)
    const canary = await second.jobs.next()
    expect(canary.header).toMatchObject({ stream: true, include_usage: false })
    answerStream(canary)
    await expect.poll(() => logged('canary').length).toBe(1)
  })

  it('tell a provider nothing of what its client wants of the edge', async () => {
    const job = await asked(first, { provider: open })
    expect(JSON.parse(new TextDecoder().decode(job.body))).not.toHaveProperty('provider')
  })

  it('are asked once, and not of whom has answered them', async () => {
    await asked(first, { provider: open })
    for (let n = 0; n < 3; n++) {
      await asked(second)
      expect(first.jobs.size).toBe(0)
    }
    await asked(first)
    answerJson(await second.jobs.next())
    await asked(first)
    expect(second.jobs.size).toBe(0)
    expect(rig.edge.events.metrics()).toContain('infernet_canaries_total{outcome="no_prompt"}')
  })

  it('are none of whom nobody has asked', async () => {
    await asked(first)
    expect(rig.canaries.unused).toEqual([])
  })

  it('are none of a request that two have seen', async () => {
    const order = [first.peer, second.peer]
    const answer = rig.edge.chat({ provider: { ...open, order } })
    ;(await first.jobs.next()).begin().error()
    answerJson(await second.jobs.next())
    expect((await answer).status).toBe(200)
    await settled()
    expect(rig.canaries.unused).toEqual([])
  })

  it('are a share of the requests', async () => {
    await begin({ share: 0 })
    await asked(first, { provider: open })
    await asked(second)
    await asked(first)
    expect(second.jobs.size).toBe(0)
    expect(rig.canaries.unused).toHaveLength(1)
  })

  it('pause while their account has nothing left', async () => {
    const { edge, account } = rig
    await edge.accounts.transfer(account, 'away', -ASKING_CREDIT_MSAT)
    const prompts = ['one', 'two', 'three']
    for (const content of prompts)
      await asked(first, { provider: open, messages: [{ role: 'user', content }] })
    await asked(second)
    await asked(first)
    await expect.poll(() => logged('canary_failed').length).toBe(1)
    expect(rig.canaries.unused).toHaveLength(2)
    await asked(first)
    expect(rig.canaries.unused).toHaveLength(2)
    await edge.accounts.deposit(account, 'more', ASKING_CREDIT_MSAT)
    edge.clock.advance(UNPAID_PAUSE_MS)
    await asked(first)
    expect(rig.canaries.unused).toHaveLength(1)
  })

  it('harm nobody while Postgres is away', async () => {
    await asked(first, { provider: open })
    rig.canaries.down = true
    await asked(second)
    await asked(first, { provider: open })
    expect(logged('canary_failed').length).toBeGreaterThan(0)
    expect(logged('store_failed')).toMatchObject([{ fields: { operation: 'canaryPrompts' } }])
  })

  it('are none once the edge is to stop', async () => {
    await asked(first, { provider: open })
    await asked(second)
    rig.asks.drain()
    await asked(first)
    expect(second.jobs.size).toBe(0)
    await rig.asks.close()
  })

  it('are none for a provider whose answers cannot be judged', async () => {
    const plain = await rig.edge.provider({ models: [modelOffer('tiny')] })
    second.vanish()
    await asked(first, { provider: open })
    await asked(plain)
    await asked(first)
    expect(plain.jobs.size).toBe(0)
    expect(rig.canaries.unused).toHaveLength(1)
  })

  it('come later for who is alone with a model', async () => {
    second.vanish()
    const content = 'What is the time?'
    const stranger = { provider: second.peer, endpoint: 'chat.completions', model: 'tiny' } as const
    const body = JSON.stringify({ model: 'tiny', messages: [{ role: 'user', content }] })
    const { clock } = rig.edge
    await rig.canaries.add({ ...stranger, body, job: newJobId(clock.now()), at: clock.now() })
    for (let n = 0; n < 9; n++) await asked(first)
    expect(first.jobs.size).toBe(0)
    // Nine requests are eight gaps, of whose mean it waits a multiple that is never forty.
    clock.advance(40 * PROMPT_INTERVAL_MS)
    await settled()
    const canary = await first.jobs.next()
    expect(new TextDecoder().decode(canary.body)).toContain(content)
  })

  it('are few at a time', async () => {
    let waiting = 0
    await begin({
      sleep: () => {
        waiting++
        return new Promise(() => {})
      },
    })
    second.vanish()
    for (let n = 0; n < 3 * MAX_CANARIES; n++) await asked(first)
    expect(waiting).toBe(MAX_CANARIES)
  })
})
