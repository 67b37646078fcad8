import { CLOSE } from '@infernet/schemas/close-codes'
import { specIdOf } from '@infernet/schemas/model-spec'
import type { Capability } from '@infernet/schemas/wire'
import { calibrate } from '@infernet/verification/evidence/calibration'
import { beforeEach, describe, expect, it } from 'vitest'
import { DRAWN_SPEC } from '@infernet/verification/testing/drawn-answer'
import { FakeProvider, modelOffer, newProviderKey } from '../testing/fake-provider.ts'
import { garbled, openedAnswer, type OpenedAnswer } from '../testing/opened-answer.ts'
import { capabilityOf, startEdge, type TestEdge } from '../testing/test-edge.ts'
import { OPENING_WAIT_MS, SCORE_TIMEOUT_MS } from './audit-limits.ts'

const TOKENS = 60
const verifierKey = newProviderKey()
/** The verifier has its own name for the model. */
const VERIFIER: Partial<Capability> = {
  role: 'verifier',
  models: [modelOffer('mine', { spec: DRAWN_SPEC })],
}

type Scores = OpenedAnswer['truth']

describe('a verifier', () => {
  let edge: TestEdge
  let provider: FakeProvider
  let verifier: FakeProvider

  beforeEach(async () => {
    edge = await startEdge({ verifiers: new Set([verifierKey.peer]) })
    provider = await edge.provider({ models: [modelOffer('tiny', { spec: DRAWN_SPEC })] })
    verifier = await edge.provider(VERIFIER, verifierKey)
  })

  /** An answer whose provider's engine is off by `bias`; what the true model says of it. */
  const opened = (bias: number) => openedAnswer(edge, provider, { bias })

  /** A failed answer is looked at again. */
  const scoreTwice = async (positions: Scores, again = positions) => {
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
    await scoreTwice(garbled(truth), truth)
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

  it.each<[string, string, (id: number, truth: Scores) => void]>([
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
    provider.announce(capability)
    expect(provider.closed).toMatchObject({ code: CLOSE.protocol })
  })
})
