import { specIdOf } from '@infernet/schemas/model-spec'
import { claimOf, DRAWN_SPEC, drawnAnswer } from '@infernet/verification/testing/drawn-answer'
import { expect, it } from 'vitest'
import { RECEIPT_INTERVAL_MS } from '../limits.ts'
import { completion } from '../testing/answers.ts'
import { modelOffer, newProviderKey } from '../testing/fake-provider.ts'
import { startEdge } from '../testing/test-edge.ts'

const TOKENS = 40
const usage = { prompt_tokens: 5, completion_tokens: TOKENS }
const settled = () => new Promise(setImmediate)

it('a verifier that does not know what it has said is not asked any more', async () => {
  const key = newProviderKey()
  const edge = await startEdge({ verifiers: new Set([key.peer]), verifierCheckShare: 1 })
  const provider = await edge.provider({ models: [modelOffer('tiny', { spec: DRAWN_SPEC })] })
  const models = [modelOffer('mine', { spec: DRAWN_SPEC })]
  const verifier = await edge.provider({ role: 'verifier', models }, key)

  /** An honest answer, opened. */
  async function opened(seed: number) {
    // Always looked at; its client waits for the verdict.
    const asked = { temperature: 0.8, max_completion_tokens: TOKENS, seed }
    void edge.chat({ ...asked, provider: { verify: 'strict' } })
    const job = await provider.jobs.next()
    const settings = { temperature: 0.8, top_k: 10, top_p: 0.95, min_p: 0.05 }
    const sampler = { ...settings, seed: String(seed) }
    const transcript = drawnAnswer(sampler, TOKENS)
    const body = completion('text', 5, TOKENS).replace('"stop"', '"length"')
    job.begin().data(body).end({ usage, finish_reason: 'length' })
    await settled()
    edge.clock.advance(RECEIPT_INTERVAL_MS)
    const claim = claimOf(transcript, sampler, specIdOf(DRAWN_SPEC))
    provider.sendReceipts([job.statement({ usage, claim })])
    await provider.acks.next()
    provider.open(job.header.lease, transcript)
    return { job: job.header.job, positions: transcript.positions }
  }

  for (let n = 0; n < 2; n++) {
    const { positions } = await opened(n + 2)
    const { id } = await verifier.scoreRequests.next()
    verifier.scored({ id, positions })
    await settled()
  }
  const { id, output } = await verifier.scoreRequests.next()
  const invented = drawnAnswer(
    { temperature: 0.8, top_k: 10, top_p: 0.95, min_p: 0.05, seed: '1' },
    TOKENS,
    6,
  )
  const positions = output.map((token, i) => ({ ...invented.positions[i]!, id: token }))
  verifier.scored({ id, positions })
  await settled()
  expect(edge.log).toContainEqual({
    event: 'verifier_rejected',
    fields: expect.objectContaining({ verifier: key.peer, spec: specIdOf(DRAWN_SPEC) }),
  })
  const { job } = await opened(4)
  await settled()
  expect(verifier.scoreRequests.size).toBe(0)
  expect(await edge.audits.auditsOf(job)).toMatchObject([{ report: { rescored: null } }])
})
