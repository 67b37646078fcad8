import type { Hardware } from '@infernet/schemas/hardware'
import { specIdOf } from '@infernet/schemas/model-spec'
import { decodeUtf8 } from '@infernet/schemas/utf8'
import { claimOf, DRAWN_SPEC, drawnAnswer } from '@infernet/verification/testing/drawn-answer'
import { beforeEach, describe, expect, it } from 'vitest'
import { RECEIPT_INTERVAL_MS } from '../limits.ts'
import { completion } from '../testing/answers.ts'
import { modelOffer, newProviderKey, type FakeProvider } from '../testing/fake-provider.ts'
import { startEdge, type TestEdge } from '../testing/test-edge.ts'
import { MAX_PROMPT_ASKS } from './audit-limits.ts'

const TOKENS = 100
const PROMPT = [3, 1, 4, 1, 5]
const OTHER_PROMPT = [3, 1, 4, 4, 1, 5]
const usage = { prompt_tokens: PROMPT.length, completion_tokens: TOKENS }
const HARDWARE: Hardware = {
  gpus: [{ vendor: 'nvidia', name: 'NVIDIA H100 80GB HBM3', bandwidth_gb_s: 3350 }],
}
const TOKEN_BYTES = 40e9
const verifierKey = newProviderKey()

describe('an answer that was not selected', () => {
  let edge: TestEdge
  let provider: FakeProvider

  beforeEach(async () => {
    edge = await startEdge({ verifiers: new Set([verifierKey.peer]), openVerifiers: true })
    edge.audit.selects = () => false
    const models = [modelOffer('tiny', { spec: DRAWN_SPEC })]
    provider = await edge.provider({ models, hardware: HARDWARE })
  })

  async function verifierOf(key = verifierKey): Promise<FakeProvider> {
    const models = [modelOffer('mine', { spec: DRAWN_SPEC, token_bytes: TOKEN_BYTES })]
    const verifier = await edge.provider({ role: 'verifier', models }, key)
    verifier.renders = false
    return verifier
  }

  /** An honest answer, signed, that took so many ms to its first token and to its end. */
  async function signed({ ttftMs = 400, totalMs = 2_000, isOpen = false } = {}) {
    const fields = { temperature: 0.8, max_completion_tokens: TOKENS }
    const answer = edge.chat(isOpen ? { ...fields, provider: { open_audit: true } } : fields)
    const job = await provider.jobs.next()
    const settings = { temperature: 0.8, top_k: 10, top_p: 0.95, min_p: 0.05 }
    const sampler = { ...settings, seed: String(job.header.seed) }
    const transcript = drawnAnswer(sampler, TOKENS)
    edge.clock.advance(ttftMs)
    job.begin()
    job.data(completion('text '.repeat(TOKENS), 5, TOKENS).replace('"stop"', '"length"'))
    edge.clock.advance(totalMs - ttftMs)
    job.end({ usage, finish_reason: 'length' })
    await (await answer).arrayBuffer()
    edge.clock.advance(RECEIPT_INTERVAL_MS)
    const claim = claimOf(transcript, sampler, specIdOf(DRAWN_SPEC))
    provider.sendReceipts([job.statement({ usage, claim })])
    await provider.acks.next()
    await settled()
    return { job, transcript }
  }
  type Signed = Awaited<ReturnType<typeof signed>>

  const settled = () => new Promise(setImmediate)
  const render = async (verifier: FakeProvider, prompt: readonly number[]) => {
    const { id } = await verifier.renderRequests.next()
    verifier.rendered({ id, prompt: [...prompt], text: null })
    await settled()
  }
  /** Renders as often as it is asked, and scores nothing. */
  const answers = async (verifier: FakeProvider, prompt: readonly number[]) => {
    while (verifier.renderRequests.size > 0) await render(verifier, prompt)
    while (verifier.scoreRequests.size > 0) {
      verifier.scored({ id: (await verifier.scoreRequests.next()).id, error: 'busy' })
      await settled()
    }
  }
  /** Opens it as it was signed; what a verifier of `prompt` makes of that. */
  async function audited(
    { job, transcript }: Signed,
    verifier?: FakeProvider,
    prompt: readonly number[] = PROMPT,
  ) {
    expect((await provider.openRequests.next()).lease).toBe(job.header.lease)
    provider.open(job.header.lease, transcript)
    await settled()
    if (verifier !== undefined) await answers(verifier, prompt)
    return (await edge.audits.auditsOf(job.header.job))[0]
  }
  const checked = (outcome: string, times: number): void => {
    const line = `infernet_prompt_checks_total{outcome="${outcome}"} ${times}`
    expect(edge.events.metrics()).toContain(line)
  }

  it('has its prompt compared with what an own verifier renders, and is left alone', async () => {
    const verifier = await verifierOf()
    await signed()
    const { body, ...asked } = await verifier.renderRequests.next()
    expect(asked).toMatchObject({ model: 'mine', endpoint: 'chat.completions', continues: false })
    expect(JSON.parse(decodeUtf8(body))).toMatchObject({ model: 'tiny', messages: [{}] })
    verifier.rendered({ id: asked.id, prompt: PROMPT, text: null })
    await settled()
    checked('same', 1)
    expect(provider.openRequests.size).toBe(0)
    expect(edge.audits.audits.size).toBe(0)
  })

  it('is audited when the prompt is another, and fails if that is so', async () => {
    const verifier = await verifierOf()
    const answer = await signed()
    await render(verifier, OTHER_PROMPT)
    checked('differs', 1)
    const audit = await audited(answer, verifier, OTHER_PROMPT)
    expect(audit).toMatchObject({ verdict: 'fail', source: 'sample' })
    const grave = audit?.report.findings.filter(({ severity }) => severity === 'fail')
    expect(grave?.map(({ check }) => check)).toEqual(['prompt_ids'])
  })

  it('is not held against a provider when a verifier has erred', async () => {
    const verifier = await verifierOf()
    const answer = await signed()
    await render(verifier, OTHER_PROMPT)
    expect(await audited(answer, verifier)).toMatchObject({ verdict: 'pass' })
  })

  it('is let go when its provider has left meanwhile', async () => {
    const verifier = await verifierOf()
    await signed()
    provider.vanish()
    await render(verifier, OTHER_PROMPT)
    checked('differs', 1)
    expect(edge.audits.audits.size).toBe(0)
  })

  it('is passed over while verifiers have enough to do', async () => {
    const verifier = await verifierOf()
    for (let i = 0; i < MAX_PROMPT_ASKS + 2; i++) await signed()
    expect(verifier.renderRequests.size).toBe(MAX_PROMPT_ASKS)
    checked('busy', 2)
    await render(verifier, PROMPT)
    await signed()
    expect(verifier.renderRequests.size).toBe(MAX_PROMPT_ASKS)
    checked('same', 1)
  })

  it('is passed over where a verifier cannot render it', async () => {
    const verifier = await verifierOf()
    verifier.renders = ({ id }) => ({ id, error: 'the engine cannot render' })
    await signed()
    checked('unknown', 1)
    expect(provider.openRequests.size).toBe(0)
  })

  it('is shown to no outside verifier, though anybody may verify it', async () => {
    const outside = await verifierOf(newProviderKey())
    await signed({ isOpen: true })
    expect(outside.renderRequests.size).toBe(0)
    const own = await verifierOf()
    for (let i = 0; i < 8; i++) {
      await signed({ isOpen: true })
      await render(own, PROMPT)
    }
    expect(outside.renderRequests.size).toBe(0)
    checked('same', 8)
  })

  it('is audited when it came faster than its machine can read the weights', async () => {
    const verifier = await verifierOf()
    await signed({ ttftMs: 1, totalMs: 10 })
    await render(verifier, PROMPT)
    expect(provider.openRequests.size).toBe(0)
    const answer = await signed({ ttftMs: 0, totalMs: 0 })
    const audit = await audited(answer, verifier)
    expect(audit).toMatchObject({ verdict: 'pass' })
    expect(audit?.report.findings).toMatchObject([{ check: 'speed', severity: 'suspicious' }])
  })

  it('may be as fast as it likes where nobody knows the model’s size', async () => {
    await signed({ ttftMs: 0, totalMs: 0 })
    expect(provider.openRequests.size).toBe(0)
  })

  it('is audited when it came before its prompt can have been there', async () => {
    provider.socket.roundTripMs = () => 300
    await signed({ ttftMs: 300 })
    await signed({ ttftMs: 200 })
    expect(provider.openRequests.size).toBe(0)
    const audit = await audited(await signed({ ttftMs: 100 }))
    expect(audit).toMatchObject({ verdict: 'pass' })
    expect(audit?.report.findings).toMatchObject([{ check: 'speed', severity: 'suspicious' }])
  })
})
