import { DRAWN_SPEC } from '@infernet/verification/testing/drawn-answer'
import { COMPONENTS } from '@infernet/openai-compat/openapi/components'
import { FRAME } from '@infernet/schemas/frame'
import { leaseOf, newJobId } from '@infernet/schemas/ids'
import { specIdOf } from '@infernet/schemas/model-spec'
import { signPayout } from '@infernet/schemas/payout-statement'
import type { PeerId } from '@infernet/schemas/peer-id'
import { readAnnouncement } from '@infernet/schemas/signed-capability'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Audit } from '../audit/audit-port.ts'
import { RANKS_TTL_MS } from '../reputation/provider-ranks.ts'
import { completion } from '../testing/answers.ts'
import { errorOf } from '../testing/error-answer.ts'
import { modelOffer, newProviderKey, type FakeProvider } from '../testing/fake-provider.ts'
import { capabilityOf, startEdge, type TestEdge } from '../testing/test-edge.ts'

const HOUR_MS = 3_600_000
const OFFER = modelOffer('tiny', { spec: DRAWN_SPEC, quantization: 'Q8_0' })

describe('GET /v1/providers', () => {
  let edge: TestEdge
  beforeEach(async () => {
    edge = await startEdge()
  })

  /** As everybody sees it once the ranks are made anew. */
  const look = async (path: string) => {
    edge.clock.advance(RANKS_TTL_MS)
    const response = await edge.request(`/v1/providers${path}`)
    expect(response.status).toBe(200)
    return response.json()
  }
  const detail = async ({ peer }: { readonly peer: PeerId }) => {
    const body: unknown = await look(`/${peer}`)
    const provider = COMPONENTS.Provider.parse(body)
    expect(provider).toEqual(body)
    return provider
  }
  const list = async (query = '') => {
    const body: unknown = await look(query)
    const page = COMPONENTS.ProviderList.parse(body)
    expect(page).toEqual(body)
    return page
  }
  const answered = async (provider: FakeProvider) => {
    const answer = edge.chat()
    const job = await provider.jobs.next()
    job
      .begin()
      .data(completion('text', 5, 30))
      .end()
    expect((await answer).status).toBe(200)
    await edge.accounts.flush()
  }
  const audited = async (peer: PeerId, verdict: Audit['verdict'], logE = 0, times = 1) => {
    for (let i = 0; i < times; i++) {
      const job = newJobId(edge.clock.now())
      await edge.audits.record({
        job,
        lease: leaseOf(job, 1),
        provider: peer,
        model: 'tiny',
        spec: specIdOf(DRAWN_SPEC),
        epoch: 0,
        source: 'sample',
        rate: 1,
        verdict,
        logE,
        report: { reason: null, findings: [], replay: null, rescored: null },
        judgedAt: edge.clock.now(),
      })
    }
  }

  it('shows who has just come: what it offers, and that nothing is known of it', async () => {
    const provider = await edge.provider({ models: [OFFER, modelOffer('other')] })
    const shown = await detail(provider)
    expect(shown).toMatchObject({
      id: provider.peer,
      online: true,
      standing: 'clear',
      standing_since: null,
      reputation: { integrity: 0.05, completion: 0.05, uptime: 1, speed: 1, reliability: 1 },
      models: [
        { id: 'tiny', spec: specIdOf(DRAWN_SPEC), quantization: 'Q8_0', pricing: { prompt: '1' } },
        { id: 'other', spec: null, quantization: null },
      ],
      jobs: { completed: 0, completion_rate: null, first_byte_ms: null },
      audits: [{ spec: specIdOf(DRAWN_SPEC), passed: 0, rate: 1, log_wealth: 0 }],
      slashes: [],
    })
    expect(shown.score).toBeLessThan(0.001)
  })

  it('shows what machine it says it is, to who looks at it alone', async () => {
    const hardware = {
      gpus: [{ vendor: 'nvidia' as const, name: 'GPU', id_sha256: 'a'.repeat(64) }],
      memory_mib: 64_000,
      measured: [{ model: 'tiny', jobs: 3, decode_tokens_s: 12.5 }],
    }
    const provider = await edge.provider({ hardware })
    const shown = { ...hardware, gpus: [{ vendor: 'nvidia', name: 'GPU' }] }
    expect((await detail(provider)).hardware).toEqual(shown)
    expect((await detail(await edge.provider())).hardware).toBeNull()
    expect(JSON.stringify(await list())).not.toContain('hardware')
  })

  it('shows what it has signed, for anybody to check, and nothing that it hides', async () => {
    const key = newProviderKey()
    const payout = signPayout(key, { to: { kind: 'invoice' } }, 1)
    const gpus = [{ vendor: 'nvidia' as const, name: 'GPU', id_sha256: 'a'.repeat(64) }]
    const provider = await edge.provider({ hardware: { gpus }, payout }, key)
    const announced = async () => (await detail(provider)).announcement!
    const first = await announced()
    expect(Object.keys(first)).toEqual(['record', 'signature'])
    const said = readAnnouncement(key.peer, first)
    expect(said.capability.hardware).toEqual({ gpus: [{ vendor: 'nvidia', name: 'GPU' }] })
    for (const secret of ['id_sha256', 'a'.repeat(64), 'payout', 'invoice', payout.signature])
      expect(Buffer.from(first.record, 'base64url').toString()).not.toContain(secret)
    provider.announce(capabilityOf({ slots: 7 }))
    expect(readAnnouncement(key.peer, await announced()).capability.slots).toBe(7)
    provider.vanish()
    expect(readAnnouncement(key.peer, await announced()).capability.slots).toBe(7)
    expect(JSON.stringify(await list())).not.toContain('announcement')
  })

  it('keeps what it signed when it says after a sleep of the hub’s that it leaves', async () => {
    const provider = await edge.provider()
    const before = (await detail(provider)).announcement
    const state = provider.saved!
    provider.vanish()
    edge.hub.restored(provider.socket, state)
    provider.sendControl(FRAME.drain, { reason: 'updating' })
    expect((await detail(provider)).announcement).toEqual(before)
    provider.announce(capabilityOf({ slots: 7 }), edge.clock.now())
    expect(provider.closed).toBeUndefined()
    expect((await detail(provider)).announcement).not.toEqual(before)
  })

  it('shows how busy it says it is, to who looks at it alone', async () => {
    const provider = await edge.provider()
    expect((await detail(provider)).load).toBeNull()
    const load = { running: 2, waiting: 1, kv_use: 0.5, ttft_ms: { p50: 1, p90: 2, p99: 3 } }
    provider.sendControl(FRAME.load, { ...load, cache_since: 5 })
    edge.clock.advance(RANKS_TTL_MS)
    expect((await detail(provider)).load).toEqual(load)
    expect(JSON.stringify(await list())).not.toContain('kv_use')
  })

  it('shows what it has done', async () => {
    const provider = await edge.provider({ models: [OFFER] })
    for (let i = 0; i < 3; i++) await answered(provider)
    await audited(provider.peer, 'pass', 0, 10)
    await audited(provider.peer, 'inconclusive')
    const shown = await detail(provider)
    expect(shown).toMatchObject({
      jobs: {
        completed: 3,
        failed: 0,
        completion_rate: 1,
        prompt_tokens: 15,
        completion_tokens: 24,
      },
      audits: [{ passed: 10, inconclusive: 1, consecutive_valid: 10, rate: 0.5 }],
    })
    expect(shown.reputation.integrity).toBeCloseTo(0.05 ** (1 / 11), 2)
    expect(shown.jobs.total_ms).not.toBeNull()
  })

  it('shows failures that left no row, while they are fresh', async () => {
    const provider = await edge.provider({ models: [OFFER] })
    await audited(provider.peer, 'pass', 0, 30)
    const before = await detail(provider)
    const answer = edge.chat()
    const job = await provider.jobs.next()
    const other = await edge.provider({ models: [OFFER] })
    job.error()
    const taken = await other.jobs.next()
    taken
      .begin()
      .data(completion('text', 5, 30))
      .end()
    expect((await answer).status).toBe(200)
    const after = await detail(provider)
    expect(after.jobs.failed).toBe(0)
    expect(after.reputation.reliability).toBeLessThan(1)
    expect(after.score).toBeLessThan(before.score)
  })

  it('counts the time that it was there, also while it is still there and idle', async () => {
    const provider = await edge.provider({ models: [OFFER] })
    edge.clock.advance(2 * HOUR_MS - RANKS_TTL_MS)
    expect((await detail(provider)).reputation.uptime).toBe(1)
    provider.vanish()
    await edge.hub.hoursWritten()
    edge.clock.advance(2 * HOUR_MS - RANKS_TTL_MS)
    const shown = await detail(provider)
    expect(shown).toMatchObject({ online: false, reputation: { uptime: 0.5, reliability: null } })
  })

  it('goes on counting where a hub that slept has left off', async () => {
    const provider = await edge.provider({ models: [OFFER] })
    edge.clock.advance(HOUR_MS)
    await provider.deliver('ping')
    await edge.hub.hoursWritten()
    const { saved } = provider
    expect(saved).toMatchObject({ countedUntil: edge.clock.now() })
    edge.clock.advance(HOUR_MS)
    edge.hub.restored({ ...provider.socket }, saved!)
    provider.vanish()
    const [presence] = edge.hub.presenceOf([provider.peer])
    expect(presence?.countedUntil).toBe(edge.clock.now() - HOUR_MS)
  })

  it('shows what was proven, and where the proof is', async () => {
    const provider = await edge.provider({ models: [OFFER] })
    const evidence = 'ef'.repeat(32)
    const since = edge.clock.now()
    const penalty = { evidence, appealUntil: since + HOUR_MS, isAppealed: false }
    const job = newJobId(since)
    await audited(provider.peer, 'fail', Math.log(1e6))
    await edge.audits.record(
      { ...[...edge.audits.audits.values()][0]!, job, lease: leaseOf(job, 1) },
      {
        conduct: { standing: 'slashed', since, offences: 1, penalty },
        slash: { id: `slash_${evidence.slice(0, 32)}`, evidence: '{}', isOpen: true },
      },
    )
    const shown = await detail(provider)
    expect(shown).toMatchObject({
      standing: 'slashed',
      standing_since: since / 1000,
      offences: 1,
      slashes: [
        {
          state: 'open',
          model: 'tiny',
          evidence_sha256: evidence,
          evidence_url: `/v1/slashes/slash_${evidence.slice(0, 32)}/evidence`,
          evidence_open: true,
          opened_at: since / 1000,
        },
      ],
    })
    expect(shown.audits[0]).toMatchObject({ failed: 2, rate: 1 })
    expect(shown.audits[0]?.log_wealth).toBeGreaterThan(Math.log(1e4))
    expect(shown.reputation.integrity).toBeLessThan(0.05)
  })

  it('lists the best first, page by page', async () => {
    const peers: PeerId[] = []
    for (const passed of [0, 30, 5]) {
      const { peer } = await edge.provider({ models: [OFFER] })
      await audited(peer, 'pass', 0, passed)
      peers.push(peer)
    }
    const [none, most, some] = peers
    const ids = ({ data }: { data: readonly { id: string }[] }) => data.map(({ id }) => id)
    const all = await list()
    expect(ids(all)).toEqual([most, some, none])
    expect(all).toMatchObject({ first_id: most, last_id: none, has_more: false })
    const first = await list('?limit=2')
    expect(first).toMatchObject({ last_id: some, has_more: true })
    expect(ids(await list(`?limit=2&after=${first.last_id}`))).toEqual([none])
    expect(await list(`?after=${none}`)).toMatchObject({ data: [], last_id: null })
  })

  it('leaves verifiers out, and keeps where the money goes to itself', async () => {
    const verifier = newProviderKey()
    const trusting = await startEdge({ verifiers: new Set([verifier.peer]) })
    await trusting.provider({ role: 'verifier', models: [OFFER] }, verifier)
    const key = newProviderKey()
    const address = 'secret@wallet.example'
    const payout = signPayout(key, { to: { kind: 'lightning_address', address } }, 1)
    const { peer } = await trusting.provider({ payout, models: [OFFER] }, key)
    const page = await (await trusting.request('/v1/providers')).text()
    expect(page).toContain(peer)
    expect(page).not.toContain(verifier.peer)
    const one = await (await trusting.request(`/v1/providers/${peer}`)).text()
    expect(page + one).not.toMatch(/wallet|payout/)
    const hidden = await trusting.request(`/v1/providers/${verifier.peer}`)
    expect(hidden.status).toBe(404)
  })

  it.each(['?limit=0', '?limit=101', '?limit=x', '?after=nobody'])('refuses %s', async (query) => {
    expect(await errorOf(await edge.request(`/v1/providers${query}`))).toMatchObject({
      status: 400,
    })
  })

  it('knows nobody who was never here, and needs a key', async () => {
    for (const id of [newProviderKey().peer, 'nobody']) {
      expect(await errorOf(await edge.request(`/v1/providers/${id}`))).toMatchObject({
        status: 404,
        code: 'provider_not_found',
      })
    }
    for (const path of ['/v1/providers', '/v1/providers/nobody']) {
      expect(await errorOf(await edge.request(path, { key: 'no' }))).toMatchObject({ status: 401 })
    }
    edge.store.down = true
    edge.clock.advance(RANKS_TTL_MS)
    expect((await edge.request('/v1/providers')).status).toBe(503)
  })
})
