import { createHash } from 'node:crypto'
import { signAppeal } from '@infernet/schemas/appeal'
import { leaseOf, newAccountId, newJobId, type JobId, type LeaseId } from '@infernet/schemas/ids'
import { signedHeaders } from '@infernet/schemas/provider-request'
import { slashIdOf, type SlashFacts } from '@infernet/schemas/slash-facts'
import { newSigner } from '@infernet/schemas/testing/signer'
import { describe, expect, it } from 'vitest'
import type { StoredSlash } from '../audit/slash-port.ts'
import { answerJson } from '../testing/answers.ts'
import { errorOf } from '../testing/error-answer.ts'
import { startEdge, type TestEdge } from '../testing/test-edge.ts'

const HOUR_MS = 3_600_000
const APPEAL_MS = 72 * HOUR_MS
/** Its bytes must stay as they are: the space, and what is not ASCII. */
const EVIDENCE = '{ "v":1,"text":"żółw"}'

/** An edge that has slashed a provider, by an answer that its account was given. */
async function slashed(isOpen = false) {
  const edge = await startEdge()
  const provider = await edge.provider()
  const answer = edge.chat()
  answerJson(await provider.jobs.next())
  const job = (await answer).headers.get('x-infernet-job') as JobId
  await edge.accounts.flush()
  const signer = provider.key
  const slash = store(edge, { provider: signer.peer, lease: leaseOf(job, 1), isOpen })
  return { edge, signer, slash, path: `/v1/slashes/${slash.id}` }
}

function store(
  edge: TestEdge,
  { provider, lease, isOpen }: Pick<StoredSlash, 'provider' | 'isOpen'> & { lease: LeaseId },
): StoredSlash {
  const evidenceSha256 = createHash('sha256').update(EVIDENCE).digest('hex')
  const openedAt = edge.clock.now()
  const slash: StoredSlash = {
    id: slashIdOf(evidenceSha256),
    provider,
    spec: 'ab'.repeat(32),
    model: 'tiny',
    lease,
    state: 'open',
    evidenceSha256,
    isOpen,
    affectedFrom: 0,
    openedAt,
    appealUntil: openedAt + APPEAL_MS,
    appealedAt: undefined,
    appeal: undefined,
    decidedAt: undefined,
    refundedMsat: undefined,
    forfeitedMsat: undefined,
  }
  edge.audits.slashes.set(slash.id, { slash, evidence: EVIDENCE })
  return slash
}

const asStranger = (edge: TestEdge, path: string, headers: Record<string, string> = {}) =>
  edge.fetch(new Request(`http://edge.test${path}`, { headers }))

const appeal = (edge: TestEdge, path: string, body: unknown) =>
  edge.fetch(
    new Request(`http://edge.test${path}/appeal`, { method: 'POST', body: JSON.stringify(body) }),
  )

describe('GET /v1/slashes', () => {
  it('shows what anybody may know, one by one and by provider', async () => {
    const { edge, signer, slash, path } = await slashed()
    const facts = (await (await asStranger(edge, path)).json()) as SlashFacts
    expect(facts).toMatchObject({
      id: slash.id,
      object: 'slash',
      provider: signer.peer,
      state: 'open',
      evidence_sha256: slash.evidenceSha256,
      evidence_open: false,
      appeal_until: (slash.openedAt + APPEAL_MS) / 1000,
      refunded_msat: null,
    })
    const list = await asStranger(edge, `/v1/slashes?provider=${signer.peer}`)
    expect(await list.json()).toEqual({ object: 'list', data: [facts] })
    const others = await asStranger(edge, `/v1/slashes?provider=${newSigner().peer}`)
    expect(await others.json()).toEqual({ object: 'list', data: [] })
  })

  it('denies what is none', async () => {
    const { edge, slash } = await slashed()
    const none = slash.id.slice(0, -1) + (slash.id.endsWith('0') ? '1' : '0')
    for (const id of [none, 'some', slash.id.toUpperCase()]) {
      const error = await errorOf(await asStranger(edge, `/v1/slashes/${id}`))
      expect(error).toMatchObject({ status: 404, code: 'slash_not_found' })
    }
    expect((await asStranger(edge, '/v1/slashes?provider=me')).status).toBe(400)
  })
})

describe('a slash’s evidence', () => {
  it('is for anybody when it is open, byte for byte', async () => {
    const { edge, slash, path } = await slashed(true)
    const bytes = new Uint8Array(await (await asStranger(edge, `${path}/evidence`)).arrayBuffer())
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(slash.evidenceSha256)
  })

  it('is else for its client, its provider and the operator', async () => {
    const { edge, signer, slash, path } = await slashed()
    const signed = signedHeaders(signer, slash.id, edge.clock.now())
    for (const response of [
      await edge.request(`${path}/evidence`),
      await asStranger(edge, `${path}/evidence`, signed),
      await edge.operate(`${path}/evidence`, undefined, 'GET'),
    ]) {
      expect(await response.text()).toBe(EVIDENCE)
    }
  })

  it('is for nobody else, who is told why', async () => {
    const { edge, slash, path } = await slashed()
    const stranger = edge.addKey(newAccountId(edge.clock.now()))
    const signed = signedHeaders(newSigner(), slash.id, edge.clock.now())
    for (const response of [
      await asStranger(edge, `${path}/evidence`),
      await asStranger(edge, `${path}/evidence`, signed),
      await edge.request(`${path}/evidence`, { key: stranger }),
    ]) {
      const error = await errorOf(response)
      expect(error).toMatchObject({ status: 403, code: 'evidence_private' })
      expect(error.message).toContain('a client')
    }
  })

  it('is not opened by a signature for something else', async () => {
    const { edge, signer, path } = await slashed()
    const other = signedHeaders(signer, newJobId(1), edge.clock.now())
    expect((await asStranger(edge, `${path}/evidence`, other)).status).toBe(401)
  })
})

describe('an appeal', () => {
  const reason = 'Another card.\nSee the log.'

  it('is taken from the provider once, and its words are for the operator alone', async () => {
    const { edge, signer, slash, path } = await slashed()
    const said = signAppeal(signer, slash.id, { reason, at: edge.clock.now() })
    const taken = await appeal(edge, path, said)
    expect(taken.status).toBe(200)
    const facts = (await taken.json()) as SlashFacts
    expect(facts).toMatchObject({ state: 'appealed', appealed_at: edge.clock.now() / 1000 })
    expect(facts).not.toHaveProperty('appeal')
    const seen = await edge.operate(`/operator/slashes/${slash.id}`, undefined, 'GET')
    expect(await seen.json()).toEqual({ ...facts, appeal: reason })
    expect(await errorOf(await appeal(edge, path, said))).toMatchObject({
      status: 409,
      code: 'cannot_appeal',
      message: expect.stringContaining('taken already') as string,
    })
  })

  it('is not taken from others, of another time, or too late', async () => {
    const { edge, signer, slash, path } = await slashed()
    const now = edge.clock.now()
    const forged = signAppeal(newSigner(), slash.id, { reason, at: now })
    expect((await errorOf(await appeal(edge, path, forged))).code).toBe('not_the_provider')
    const stale = signAppeal(signer, slash.id, { reason, at: now - 301_000 })
    expect((await errorOf(await appeal(edge, path, stale))).code).toBe('signed_too_long_ago')
    expect((await appeal(edge, path, { reason })).status).toBe(400)
    expect(edge.audits.slashes.get(slash.id)?.slash.state).toBe('open')
    edge.clock.advance(APPEAL_MS)
    const late = signAppeal(signer, slash.id, { reason, at: edge.clock.now() })
    expect(await errorOf(await appeal(edge, path, late))).toMatchObject({
      status: 409,
      message: expect.stringContaining('until') as string,
    })
  })

  it.each([
    ['upheld', 'lifted'],
    ['denied', 'due'],
  ])('is %s by the operator, who decides once', async (decision, state) => {
    const { edge, signer, slash, path } = await slashed()
    const decide = () => edge.operate(`/operator/slashes/${slash.id}`, { decision })
    expect((await errorOf(await decide())).code).toBe('no_appeal')
    await appeal(edge, path, signAppeal(signer, slash.id, { reason, at: edge.clock.now() }))
    const decided = await decide()
    expect(await decided.json()).toMatchObject({ state, appeal: reason })
    expect((await errorOf(await decide())).status).toBe(409)
    const listed = async (query: string) => {
      const asked = `/operator/slashes?provider=${signer.peer}&state=${query}`
      const response = await edge.operate(asked, undefined, 'GET')
      return ((await response.json()) as { data: SlashFacts[] }).data.map(({ id }) => id)
    }
    expect(await listed(state)).toEqual([slash.id])
    expect(await listed('appealed')).toEqual([])
    const other = { decision: 'maybe' }
    expect((await edge.operate(`/operator/slashes/${slash.id}`, other)).status).toBe(400)
  })
})
