import { CLOSE } from '@infernet/schemas/close-codes'
import type { Capability } from '@infernet/schemas/wire'
import { goodConduct } from '@infernet/verification/reputation/conduct'
import { DRAWN_SPEC } from '@infernet/verification/testing/drawn-answer'
import { openEvidence, rejudge } from '@infernet/verification/verdict/audit-evidence'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeProvider, modelOffer, newProviderKey } from '../testing/fake-provider.ts'
import { garbled, openedAnswer, type OpenedAnswer } from '../testing/opened-answer.ts'
import { capabilityOf, startEdge, type TestEdge } from '../testing/test-edge.ts'
import { OUTSIDE_WAIT_MS, SCORE_TIMEOUT_MS } from './audit-limits.ts'

const VERIFIER: Partial<Capability> = {
  role: 'verifier',
  models: [modelOffer('mine', { spec: DRAWN_SPEC })],
}
const OPEN = { provider: { open_audit: true } }
const ownKey = newProviderKey()

describe('an outside verifier', () => {
  let edge: TestEdge
  let provider: FakeProvider
  let own: FakeProvider
  let outside: FakeProvider

  beforeEach(async () => {
    edge = await startEdge({ verifiers: new Set([ownKey.peer]), openVerifiers: true })
    edge.audit.selects = () => true
    // Whatever may go to an outside verifier does.
    edge.audit.draw = () => 0
    provider = await edge.provider({ models: [modelOffer('tiny', { spec: DRAWN_SPEC })] })
    own = await edge.provider(VERIFIER, ownKey)
    outside = await edge.provider(VERIFIER)
  })

  const opened = (fields: Record<string, unknown> = OPEN, bias = 0) =>
    openedAnswer(edge, provider, { fields, bias })
  const settled = () => new Promise(setImmediate)
  const score = async (verifier: FakeProvider, positions: OpenedAnswer['truth']) => {
    expect(verifier.scoreRequests.size).toBe(1)
    verifier.scored({ id: (await verifier.scoreRequests.next()).id, positions })
    await settled()
  }
  const auditOf = async ({ job }: OpenedAnswer) => {
    await settled()
    return (await edge.audits.auditsOf(job.header.job))[0]
  }
  const disagreements = () => edge.log.filter(({ event }) => event === 'verifiers_disagree').length

  it('gets answers that their clients have opened, and may pass them', async () => {
    const answer = await opened()
    expect(own.scoreRequests.size).toBe(0)
    await score(outside, answer.truth)
    expect(await auditOf(answer)).toMatchObject({
      verdict: 'pass',
      report: { rescored: { verifier: outside.peer } },
    })
  })

  it.each([
    ['has not opened', {}],
    ['has opened to those alone that keep nothing', { ...OPEN.provider, data_collection: 'deny' }],
  ])('never sees an answer that its client %s', async (_why, preferences) => {
    const answer = await opened({ provider: preferences })
    expect(outside.scoreRequests.size).toBe(0)
    await score(own, answer.truth)
    expect(await auditOf(answer)).toMatchObject({ verdict: 'pass' })
  })

  it('gets none of those that fall to the operator’s own', async () => {
    edge.audit.draw = () => 0.5
    const answer = await opened()
    expect(outside.scoreRequests.size).toBe(0)
    await score(own, answer.truth)
    expect(await auditOf(answer)).toMatchObject({ report: { rescored: { verifier: own.peer } } })
  })

  it('decides nothing where the operator has none', async () => {
    own.vanish()
    const answer = await opened()
    expect(outside.scoreRequests.size).toBe(0)
    expect(await auditOf(answer)).toMatchObject({ verdict: 'pass', report: { rescored: null } })
  })

  it('convicts with the word of an own one, which is in the evidence', async () => {
    const answer = await opened(OPEN, 4)
    await score(outside, answer.truth)
    expect(await auditOf(answer)).toBeUndefined()
    await score(own, answer.truth)
    const audit = await auditOf(answer)
    expect(audit).toMatchObject({ verdict: 'fail', report: { rescored: { verifier: own.peer } } })
    const [slash] = await edge.slashes.ofProvider(provider.peer)
    const evidence = await openEvidence((await edge.slashes.evidenceOf(slash?.id ?? '')) ?? '')
    expect(evidence.scores.map(({ verifier }) => verifier)).toEqual([outside.peer, own.peer])
    expect(rejudge(evidence).verdict).toBe('fail')
    // The provider's conviction does not hang on what the outside one said.
    expect(rejudge(evidence, evidence.scores.slice(1)).verdict).toBe('fail')
  })

  it('accuses nobody where an own one says otherwise, and is sent no more the second time', async () => {
    for (let times = 1; times <= 2; times++) {
      const answer = await opened()
      await score(outside, garbled(answer.truth))
      await score(own, answer.truth)
      expect(await auditOf(answer)).toMatchObject({
        verdict: 'pass',
        report: { reason: null, rescored: { verifier: own.peer } },
      })
      expect(disagreements()).toBe(times)
    }
    expect(edge.log).toContainEqual({
      event: 'verifier_rejected',
      fields: expect.objectContaining({ verifier: outside.peer }),
    })
    const third = await opened()
    await score(own, third.truth)
    expect(outside.scoreRequests.size).toBe(0)
    expect(await auditOf(third)).toMatchObject({ verdict: 'pass' })
  })

  it('accuses nobody where no own one can say anything', async () => {
    const answer = await opened(OPEN, 4)
    await score(outside, answer.truth)
    edge.clock.advance(SCORE_TIMEOUT_MS)
    expect(await auditOf(answer)).toMatchObject({ verdict: 'pass', report: { rescored: null } })
    expect(disagreements()).toBe(0)
  })

  it('confirms nothing that an own one has failed', async () => {
    const answer = await opened({}, 4)
    await score(own, answer.truth)
    expect(outside.scoreRequests.size).toBe(0)
    await score(own, answer.truth)
    expect(await auditOf(answer)).toMatchObject({ verdict: 'fail' })
  })

  it.each<[string, (id: number) => void]>([
    ['refuses', (id) => outside.scored({ id, error: 'out of memory' })],
    ['leaves', () => outside.vanish()],
    ['takes long', () => edge.clock.advance(OUTSIDE_WAIT_MS)],
  ])('that %s leaves the answer to an own one', async (_does, act) => {
    const answer = await opened()
    act((await outside.scoreRequests.next()).id)
    await settled()
    await score(own, answer.truth)
    expect(await auditOf(answer)).toMatchObject({ report: { rescored: { verifier: own.peer } } })
    expect(disagreements()).toBe(0)
  })

  describe('that renders', () => {
    const truth = { prompt: [3, 1, 4, 1, 5], text: null }
    const lie = { prompt: [2, 7, 1], text: null }

    it.each([
      ['accuses nobody where an own one renders otherwise', truth, 'pass', 1],
      ['convicts where an own one renders the same', lie, 'fail', 0],
    ])('%s', async (_does, said, verdict, contradictions) => {
      outside.renders = ({ id }) => ({ id, ...lie })
      own.renders = ({ id }) => ({ id, ...said })
      const answer = await opened()
      if (outside.scoreRequests.size > 0) await score(outside, answer.truth)
      expect(await auditOf(answer)).toMatchObject({
        verdict,
        report: { rendered: { verifier: own.peer } },
      })
      expect(disagreements()).toBe(contradictions)
    })

    it('accuses nobody where an own one cannot render', async () => {
      outside.renders = ({ id }) => ({ id, ...lie })
      const answer = await opened()
      await score(outside, answer.truth)
      const audit = await auditOf(answer)
      expect(audit).toMatchObject({ verdict: 'pass' })
      expect(audit?.report).not.toHaveProperty('rendered')
      expect(disagreements()).toBe(0)
    })
  })

  it('is no provider: it gets no jobs, and is in no list', async () => {
    provider.vanish()
    expect((await edge.chat({ model: 'mine' })).status).toBe(404)
    const list = await (await edge.request('/v1/providers')).json()
    expect(JSON.stringify(list)).toContain(provider.peer)
    for (const { peer } of [own, outside]) {
      expect(JSON.stringify(list)).not.toContain(peer)
      expect((await edge.request(`/v1/providers/${peer}`)).status).toBe(404)
    }
  })

  it('that was a provider before is known as what it was', async () => {
    provider.vanish()
    const verifier = await edge.provider(VERIFIER, provider.key)
    const known = await edge.request(`/v1/providers/${verifier.peer}`)
    expect(await known.json()).toMatchObject({ id: provider.peer, models: [{ id: 'tiny' }] })
  })

  it('that was banned as a provider is sent away', async () => {
    const key = newProviderKey()
    const banned = { ...goodConduct(edge.clock.now()), standing: 'banned' as const }
    edge.audits.conducts.set(key.peer, banned)
    const verifier = new FakeProvider(edge.hub, key).connect()
    const hello = verifier.hello({ capability: capabilityOf(VERIFIER), now: edge.clock.now() })
    await verifier.login(hello)
    await settled()
    expect(verifier.closed).toMatchObject({ code: CLOSE.banned })
  })
})
