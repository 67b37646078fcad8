import type { Rendered } from '@infernet/schemas/audit-wire'
import { specIdOf } from '@infernet/schemas/model-spec'
import { decodeUtf8 } from '@infernet/schemas/utf8'
import { claimOf, DRAWN_SPEC, drawnAnswer } from '@infernet/verification/testing/drawn-answer'
import { beforeEach, describe, expect, it } from 'vitest'
import { RECEIPT_INTERVAL_MS } from '../limits.ts'
import { completion, piece } from '../testing/answers.ts'
import { modelOffer, newProviderKey, type FakeProvider } from '../testing/fake-provider.ts'
import { startEdge, type TestEdge } from '../testing/test-edge.ts'
import { SCORE_TIMEOUT_MS } from './audit-limits.ts'

const TOKENS = 20
const TEXT = 'The edge gives the job to a provider.'
const usage = { prompt_tokens: 5, completion_tokens: TOKENS }
const verifierKey = newProviderKey()

describe('a verifier', () => {
  let edge: TestEdge
  let provider: FakeProvider
  let verifier: FakeProvider

  beforeEach(async () => {
    edge = await startEdge({ verifiers: new Set([verifierKey.peer]) })
    // Also after good audits, when others are passed over.
    edge.audit.selects = () => true
    provider = await edge.provider({ models: [modelOffer('tiny', { spec: DRAWN_SPEC })] })
    const models = [modelOffer('mine', { spec: DRAWN_SPEC })]
    verifier = await edge.provider({ role: 'verifier', models }, verifierKey)
    verifier.renders = false
  })

  /** An answer of which its client got `text`, signed and opened. */
  async function opened(text = TEXT, stream = false, more: readonly Uint8Array[] = []) {
    const fields = { temperature: 0.8, max_completion_tokens: TOKENS, stream }
    const answer = edge.chat(fields)
    const job = await provider.jobs.next()
    const { header } = job
    const settings = { temperature: 0.8, top_k: 10, top_p: 0.95, min_p: 0.05 }
    const sampler = { ...settings, seed: String(header.seed) }
    const transcript = drawnAnswer(sampler, TOKENS)
    job.begin()
    if (stream) {
      const words = text.split(/(?= )/).map(piece.text)
      for (const bytes of [piece.role(), ...words, ...more]) job.data(bytes)
      job.data(new TextDecoder().decode(piece.finish()).replace('"stop"', '"length"'))
    } else job.data(completion(text, 5, TOKENS).replace('"stop"', '"length"'))
    job.end({ usage, finish_reason: 'length' })
    await (await answer).arrayBuffer()
    edge.clock.advance(RECEIPT_INTERVAL_MS)
    provider.sendReceipts([
      job.statement({ usage, claim: claimOf(transcript, sampler, specIdOf(DRAWN_SPEC)) }),
    ])
    await provider.acks.next()
    provider.open(header.lease, transcript)
    const asked = await verifier.renderRequests.next()
    return { job, transcript, asked }
  }
  type Answered = Awaited<ReturnType<typeof opened>>

  /** What becomes of it when the verifier says so. */
  async function auditOf(
    { job, asked }: Answered,
    told: { prompt?: number[]; text?: string } = {},
    again = told,
  ) {
    const truth = { prompt: [3, 1, 4, 1, 5], text: TEXT }
    verifier.rendered({ id: asked.id, ...truth, ...told })
    await new Promise(setImmediate)
    // What fails an answer is asked for once more.
    if (verifier.renderRequests.size > 0) {
      const { id } = await verifier.renderRequests.next()
      verifier.rendered({ id, ...truth, ...again })
    }
    return settled(job)
  }
  /** Without scores, which say nothing of what is looked at here. */
  async function settled({ header }: Answered['job']) {
    await new Promise(setImmediate)
    while (verifier.scoreRequests.size > 0) {
      const { id } = await verifier.scoreRequests.next()
      verifier.scored({ id, error: 'busy' })
    }
    await new Promise(setImmediate)
    return (await edge.audits.auditsOf(header.job))[0]
  }
  const failedBy = (audit: Awaited<ReturnType<typeof settled>>): string[] =>
    (audit?.report.findings ?? [])
      .filter(({ severity }) => severity === 'fail')
      .map(({ check }) => check)

  it('is asked what the client has asked, and what the tokens say', async () => {
    const answered = await opened()
    const { body, ...asked } = answered.asked
    expect(asked).toMatchObject({
      model: 'mine',
      endpoint: 'chat.completions',
      continues: false,
      output: answered.transcript.positions.map(({ id }) => id),
    })
    expect(JSON.parse(decodeUtf8(body))).toMatchObject({ model: 'tiny', messages: [{}] })
    expect(await auditOf(answered)).toMatchObject({
      verdict: 'pass',
      report: { rendered: { verifier: verifier.peer } },
    })
  })

  it('finds out who reads another prompt than it was given', async () => {
    const audit = await auditOf(await opened(), { prompt: [3, 1, 4, 4, 1, 5] })
    expect(audit).toMatchObject({ verdict: 'fail' })
    expect(failedBy(audit)).toEqual(['prompt_ids'])
  })

  it('that does not say the same twice accuses nobody', async () => {
    const audit = await auditOf(await opened(), { prompt: [3, 1, 4, 4, 1, 5] }, {})
    expect(audit).toMatchObject({ verdict: 'pass' })
    expect(failedBy(audit)).toEqual([])
  })

  it.each([true, false])(
    'finds out who says other things than its tokens: stream %s',
    async (stream) => {
      expect(await auditOf(await opened(TEXT, stream))).toMatchObject({ verdict: 'pass' })
      const audit = await auditOf(await opened('The edge gives the job to nobody.', stream))
      expect(failedBy(audit)).toEqual(['text'])
    },
  )

  it('is not to be kept from it by other output', async () => {
    const head = { id: 'chatcmpl-1', created: 1, model: 'tiny', object: 'chat.completion.chunk' }
    const chunk = { ...head, choices: [{ index: 0, delta: { reasoning: 'hm' } }] }
    const bytes = new TextEncoder().encode(`data: ${JSON.stringify(chunk)}\n\n`)
    const audit = await auditOf(await opened('Something else.', true, [bytes]))
    expect(failedBy(audit)).toEqual(['text'])
  })

  it.each<[string, (id: number) => void]>([
    ['cannot', (id) => verifier.rendered({ id, error: 'the engine cannot render' })],
    ['leaves', () => verifier.vanish()],
    ['says nothing', () => edge.clock.advance(SCORE_TIMEOUT_MS)],
    ['answers something else', (id) => verifier.scored({ id, positions: [] })],
  ])('that %s leaves the verdict to what is known', async (_does, act) => {
    const { job, asked } = await opened('Something else.')
    act(asked.id)
    const audit = await settled(job)
    expect(audit).toMatchObject({ verdict: 'pass' })
    expect(audit?.report).not.toHaveProperty('rendered')
  })

  it('may say what nobody has asked, which changes nothing', async () => {
    const stray: Rendered = { id: 1, prompt: [1], text: 'x' }
    verifier.rendered(stray)
    provider.rendered(stray)
    expect(await auditOf(await opened())).toMatchObject({ verdict: 'pass' })
    expect(verifier.closed ?? provider.closed).toBeUndefined()
  })
})
