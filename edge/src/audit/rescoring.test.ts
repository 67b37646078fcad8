import { CLOSE } from '@infernet/schemas/close-codes'
import { specIdOf } from '@infernet/schemas/model-spec'
import { FRAME } from '@infernet/schemas/frame'
import type { Transcript } from '@infernet/schemas/transcript'
import type { Capability } from '@infernet/schemas/wire'
import { calibrate } from '@infernet/verification/evidence/calibration'
import { beforeEach, describe, expect, it } from 'vitest'
import { RECEIPT_INTERVAL_MS } from '../limits.ts'
import { completion } from '../testing/answers.ts'
import { claimOf, DRAWN_SPEC, drawnAnswer } from '@infernet/verification/testing/drawn-answer'
import { FakeProvider, modelOffer, newProviderKey } from '../testing/fake-provider.ts'
import { capabilityOf, startEdge, type TestEdge } from '../testing/test-edge.ts'
import { OPENING_WAIT_MS, SCORE_TIMEOUT_MS } from './audit-limits.ts'

const TOKENS = 60
const usage = { prompt_tokens: 5, completion_tokens: TOKENS }
const verifierKey = newProviderKey()
/** The verifier has its own name for the model. */
const VERIFIER: Partial<Capability> = {
  role: 'verifier',
  models: [modelOffer('mine', { spec: DRAWN_SPEC })],
}

/** Of one that draws unlike the true model; not every one does, of so few tokens. */
const SEED = 5

describe('a verifier', () => {
  let edge: TestEdge
  let provider: FakeProvider
  let verifier: FakeProvider

  beforeEach(async () => {
    edge = await startEdge({ verifiers: new Set([verifierKey.peer]) })
    provider = await edge.provider({ models: [modelOffer('tiny', { spec: DRAWN_SPEC })] })
    verifier = await edge.provider(VERIFIER, verifierKey)
  })

  /** An answer whose provider's engine is off by `bias`, opened; what the true model says of it. */
  async function opened(bias: number) {
    const answer = edge.chat({ temperature: 0.8, max_completion_tokens: TOKENS, seed: SEED })
    const job = await provider.jobs.next()
    const { header } = job
    const sampler = {
      temperature: 0.8,
      top_k: 10,
      top_p: 0.95,
      min_p: 0.05,
      seed: String(SEED),
    }
    const transcript = drawnAnswer(sampler, TOKENS, bias)
    const body = completion('text', 5, TOKENS).replace('"stop"', '"length"')
    job.begin().data(body).end({ usage, finish_reason: 'length' })
    await answer
    edge.clock.advance(RECEIPT_INTERVAL_MS)
    const claim = claimOf(transcript, sampler, specIdOf(DRAWN_SPEC))
    provider.sendReceipts([job.statement({ usage, claim })])
    await provider.acks.next()
    provider.open(header.lease, transcript)
    await new Promise(setImmediate)
    return { job, truth: trueScores(transcript) }
  }

  /** The same tokens as the model without a bias sees them. */
  const trueScores = (transcript: Transcript) => {
    const places = drawnAnswer(
      { temperature: 0.8, top_k: 10, top_p: 0.95, min_p: 0.05, seed: '0' },
      TOKENS,
    ).positions
    return transcript.positions.map(({ id }, i) => {
      const { top } = places[i]!
      return { id, logprob: top.find((candidate) => candidate.id === id)?.logprob ?? -20, top }
    })
  }

  /** A failed answer is looked at again. */
  const scoreTwice = async (positions: ReturnType<typeof trueScores>, again = positions) => {
    const first = await verifier.scoreRequests.next()
    verifier.scored({ id: first.id, positions })
    const second = await verifier.scoreRequests.next()
    verifier.scored({ id: second.id, positions: again })
  }

  const auditOf = async ({
    header,
  }: {
    header: { job: Parameters<TestEdge['audits']['auditsOf']>[0] }
  }) => {
    await new Promise(setImmediate)
    return (await edge.audits.auditsOf(header.job))[0]
  }

  it('is asked about answers of its spec, and its numbers decide', async () => {
    const { job, truth } = await opened(0)
    const { id, model, output, prompt } = await verifier.scoreRequests.next()
    expect({ model, prompt, output }).toEqual({
      model: 'mine',
      prompt: [3, 1, 4, 1, 5],
      output: truth.map((position) => position.id),
    })
    expect(await auditOf(job)).toBeUndefined()
    verifier.scored({ id, positions: truth })
    expect(await auditOf(job)).toMatchObject({
      verdict: 'pass',
      report: { reason: null, rescored: { verifier: verifier.peer, mismatches: 0 } },
    })
  })

  it('finds out who runs another model than it says', async () => {
    const { job, truth } = await opened(4)
    await scoreTwice(truth)
    const audit = await auditOf(job)
    expect(audit).toMatchObject({ verdict: 'fail', report: { replay: { mismatches: 0 } } })
    expect(audit?.report.rescored?.mismatches).toBeGreaterThan(10)
  })

  it('that does not say the same twice accuses nobody', async () => {
    const { job, truth } = await opened(0)
    const garbled = truth.map((position, i) => ({ ...position, top: truth[(i * 7) % 60]!.top }))
    await scoreTwice(garbled, truth)
    expect(await auditOf(job)).toMatchObject({
      verdict: 'inconclusive',
      logE: 0,
      report: { reason: 'verifiers disagree' },
    })
  })

  it('has a failed answer looked at by another, if there is one', async () => {
    const otherKey = newProviderKey()
    edge = await startEdge({ verifiers: new Set([verifierKey.peer, otherKey.peer]) })
    provider = await edge.provider({ models: [modelOffer('tiny', { spec: DRAWN_SPEC })] })
    const two = [
      await edge.provider(VERIFIER, verifierKey),
      await edge.provider(VERIFIER, otherKey),
    ]
    const { job, truth } = await opened(4)
    for (let i = 0; i < 2; i++) {
      const asked = two.find(({ scoreRequests }) => scoreRequests.size > 0)!
      asked.scored({ id: (await asked.scoreRequests.next()).id, positions: truth })
      two.splice(two.indexOf(asked), 1)
      await new Promise(setImmediate)
    }
    expect(two).toEqual([])
    expect(await auditOf(job)).toMatchObject({ verdict: 'fail' })
  })

  it('finds more where it was measured how much honest answers vary', async () => {
    const quiet = Array.from({ length: 300 }, () => ({
      excess: Array.from({ length: TOKENS }, () => 0),
      lpDifference: Array.from({ length: TOKENS }, () => 0.001),
    }))
    await edge.audits.setCalibration(specIdOf(DRAWN_SPEC), calibrate(quiet))
    const { job, truth } = await opened(0.1)
    await scoreTwice(truth)
    expect(await auditOf(job)).toMatchObject({ verdict: 'fail' })
  })

  it.each<[string, string, (id: number, truth: ReturnType<typeof trueScores>) => void]>([
    ['refuses', 'out of memory', (id) => verifier.scored({ id, error: 'out of memory' })],
    [
      'scores other tokens',
      'other tokens',
      (id, truth) => verifier.scored({ id, positions: truth.slice(1) }),
    ],
    ['leaves', 'left', () => verifier.vanish()],
    ['says nothing', 'no scores', () => edge.clock.advance(SCORE_TIMEOUT_MS)],
  ])('that %s leaves the verdict to what is known', async (_does, reason, act) => {
    const { job, truth } = await opened(0)
    const { id } = await verifier.scoreRequests.next()
    act(id, truth)
    const audit = await auditOf(job)
    expect(audit).toMatchObject({ verdict: 'pass', report: { rescored: null } })
    expect(audit?.report.reason).toContain(reason)
  })

  it('may take longer than an opening', async () => {
    const { job, truth } = await opened(0)
    const { id } = await verifier.scoreRequests.next()
    edge.clock.advance(OPENING_WAIT_MS)
    expect(await auditOf(job)).toBeUndefined()
    verifier.scored({ id, positions: truth })
    expect(await auditOf(job)).toMatchObject({ verdict: 'pass' })
  })

  it('gets no jobs', async () => {
    provider.vanish()
    const refused = await edge.chat({ model: 'mine' })
    expect(refused.status).toBe(404)
  })

  it('that nobody trusts is sent away, and told what to do', async () => {
    const stranger = new FakeProvider(edge.hub).connect()
    const hello = stranger.hello({ capability: capabilityOf(VERIFIER), now: edge.clock.now() })
    await stranger.login(hello)
    expect(stranger.closed).toMatchObject({
      code: CLOSE.unauthorized,
      reason: expect.stringContaining('INFERNET_VERIFIERS'),
    })
  })

  it('cannot be made of a provider without a new login', async () => {
    const capability = capabilityOf({ models: [modelOffer('tiny')], role: 'verifier' })
    provider.sendControl(FRAME.capability, capability)
    expect(provider.closed).toMatchObject({ code: CLOSE.protocol })
  })
})
