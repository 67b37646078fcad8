import { DRAWN_SPEC } from '@infernet/verification/testing/drawn-answer'
import { specIdOf } from '@infernet/schemas/model-spec'
import { beforeEach, describe, expect, it } from 'vitest'
import { startAskingEdge, type AskingEdge } from '../testing/asking-edge.ts'
import { modelOffer, type FakeProvider } from '../testing/fake-provider.ts'

const MODELS = [modelOffer('tiny', { endpoints: ['embeddings'], spec: DRAWN_SPEC })]
const INPUT = ['one', 'two']
const RIGHT = [
  [0.6, 0.8, 0],
  [0, 0.6, 0.8],
]
const WRONG = [
  [0.6, 0.8, 0],
  [0.8, 0.6, 0],
]
/** As honest machines differ. */
const NEAR = [
  [0.6001, 0.7999, 0.001],
  [0, 0.6, 0.8],
]

const answerOf = (vectors: readonly (readonly number[])[]): string =>
  JSON.stringify({
    object: 'list',
    model: 'tiny',
    data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })),
    usage: { prompt_tokens: 4, total_tokens: 4 },
  })
const END = { usage: { prompt_tokens: 4, completion_tokens: 0 } }
const settled = () => new Promise(setImmediate)

async function answerNext(provider: FakeProvider | undefined, answer: string | undefined) {
  const job = await provider?.jobs.next()
  if (answer === undefined) job?.begin().error()
  else job?.begin().data(answer).end(END)
}

describe('embeddings that are asked for twice', () => {
  let rig: AskingEdge
  let providers: FakeProvider[]

  beforeEach(async () => {
    await begin(3)
  })

  async function begin(count: number, changes: Parameters<typeof startAskingEdge>[0] = {}) {
    rig = await startAskingEdge({ draw: () => 0.01, ...changes })
    providers = []
    while (providers.length < count) providers.push(await rig.edge.provider({ models: MODELS }))
  }

  /** What each provider says, in the order of `providers`; those without an answer fail. */
  function answering(...answers: (readonly (readonly number[])[] | undefined)[]) {
    for (const [i, vectors] of answers.entries())
      void answerNext(providers[i], vectors && answerOf(vectors))
  }

  async function embedded(preferences: Record<string, unknown> = {}) {
    const provider = { only: [providers[0]!.peer], ...preferences }
    const body = JSON.stringify({ model: 'tiny', input: INPUT, provider })
    const answer = await rig.edge.request('/v1/embeddings', { method: 'POST', body })
    expect(answer.status).toBe(200)
    await settled()
    return rig.edge.records[0]!
  }
  const compared = async () => {
    const record = await embedded()
    await expect.poll(outcome).toBeDefined()
    return record
  }
  const verdicts = () =>
    new Map(rig.audits.map(({ provider, verdict }) => [provider as string, verdict]))
  const outcome = () =>
    /infernet_redundancy_total\{outcome="(\w+)"\} 1/.exec(rig.edge.events.metrics())?.[1]

  it('agree, as honest machines do, and nobody else is asked', async () => {
    answering(RIGHT, NEAR, NEAR)
    const { id, lease } = await compared()
    expect(rig.audits).toHaveLength(2)
    expect(rig.audits[0]).toMatchObject({
      job: id,
      lease,
      provider: providers[0]!.peer,
      model: 'tiny',
      spec: specIdOf(DRAWN_SPEC),
      source: 'redundancy',
      rate: 0.05,
      verdict: 'pass',
      logE: 0,
      report: {
        reason: null,
        findings: [
          { check: 'redundancy', severity: 'note', detail: expect.stringContaining('e-') },
        ],
      },
    })
    const [, second] = rig.audits
    expect(second).toMatchObject({ verdict: 'pass', rate: 1 })
    const paid = rig.edge.records.find(({ accountId }) => accountId === rig.account)
    expect(paid).toMatchObject({ id: second?.job, lease: second?.lease, status: 'completed' })
    expect(paid?.costMsat).toBeGreaterThan(0)
    expect(outcome()).toBe('agreed')
  })

  it('fail who two others agree against', async () => {
    answering(WRONG, RIGHT, NEAR)
    await compared()
    expect(verdicts()).toEqual(
      new Map(providers.map(({ peer }, i) => [peer as string, i === 0 ? 'fail' : 'pass'])),
    )
    const failed = rig.audits.find(({ verdict }) => verdict === 'fail')
    expect(failed?.logE).toBeCloseTo(Math.log(100))
    expect(failed?.report.findings).toMatchObject([
      { severity: 'fail', detail: expect.stringMatching(/^cosine distance \S+ from 12D3/) },
      { severity: 'fail' },
    ])
    expect(outcome()).toBe('disagreed')
    expect(rig.edge.log).toContainEqual(
      expect.objectContaining({
        event: 'redundancy',
        fields: expect.objectContaining({ outcome: 'disagreed' }),
      }),
    )
  })

  it('fail who was asked to compare, where that one is alone', async () => {
    await begin(3, { draw: (name) => (name.includes(providers[1]!.peer) ? 0 : 0.01) })
    answering(RIGHT, WRONG, NEAR)
    await compared()
    expect([...verdicts().values()].toSorted()).toEqual(['fail', 'pass', 'pass'])
    expect(verdicts().get(providers[1]!.peer)).toBe('fail')
  })

  it('say nothing where two disagree and there is no third', async () => {
    await begin(2)
    answering(WRONG, RIGHT)
    await compared()
    expect([...verdicts().values()]).toEqual(['inconclusive', 'inconclusive'])
    expect(rig.audits[0]?.report.reason).toContain('no third')
    expect(outcome()).toBe('undecided')
  })

  it('say nothing where nobody else answers', async () => {
    await begin(2)
    answering(RIGHT, undefined)
    await compared()
    expect(rig.audits).toEqual([])
    expect(outcome()).toBe('unanswered')
  })

  it('are compared whatever form the client wants them in', async () => {
    const bytes = new Float32Array(RIGHT[0]!)
    const base64 = Buffer.from(bytes.buffer).toString('base64')
    const data = [{ object: 'embedding', index: 0, embedding: base64 }]
    const usage = { prompt_tokens: 4, total_tokens: 4 }
    const answer = JSON.stringify({ object: 'list', model: 'tiny', data, usage })
    for (const provider of providers) void answerNext(provider, answer)
    const body = JSON.stringify({ model: 'tiny', input: 'one', encoding_format: 'base64' })
    await rig.edge.request('/v1/embeddings', { method: 'POST', body })
    await expect.poll(() => rig.audits.length).toBe(2)
    expect([...verdicts().values()]).toEqual(['pass', 'pass'])
  })

  it.each<[string, Record<string, unknown>]>([
    ['want no data kept', { data_collection: 'deny' }],
    ['want nothing verified', { verify: 'none' }],
  ])('are none of clients who %s', async (_, preferences) => {
    answering(RIGHT, RIGHT, RIGHT)
    await embedded(preferences)
    expect(rig.edge.records).toHaveLength(1)
  })

  it('are as many as the provider’s audits, and one in twenty at most', async () => {
    for (const [rate, draw, isCompared] of [
      [1, 0.049, true],
      [1, 0.051, false],
      [0.01, 0.011, false],
    ] as const) {
      await begin(2, { draw: () => draw, rateOf: () => rate })
      answering(RIGHT, RIGHT)
      await embedded()
      await expect.poll(() => rig.edge.records.length).toBe(isCompared ? 2 : 1)
    }
  })

  it('are none where nobody else has the spec', async () => {
    await begin(1)
    const other = { ...DRAWN_SPEC, quantization: 'F16' }
    providers.push(await rig.edge.provider({ models: [{ ...MODELS[0]!, spec: other }] }))
    answering(RIGHT, RIGHT)
    await embedded()
    expect(rig.edge.records).toHaveLength(1)
  })

  it('are none once the edge is to stop', async () => {
    rig.asks.drain()
    answering(RIGHT, RIGHT, RIGHT)
    await embedded()
    expect(rig.edge.records).toHaveLength(1)
    await rig.asks.close()
  })
})
