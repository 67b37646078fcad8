import { earningsRequest, providerEarningsSchema } from '@infernet/schemas/provider-earnings'
import { signedHeaders } from '@infernet/schemas/provider-request'
import { beforeEach, describe, expect, it } from 'vitest'
import { EARNINGS_TTL_MS } from '../earnings/recent-earnings.ts'
import { errorOf } from '../testing/error-answer.ts'
import { newProviderKey, type ProviderKey } from '../testing/fake-provider.ts'
import { NO_EARNINGS } from '../testing/memory-earnings.ts'
import { startEdge, type TestEdge } from '../testing/test-edge.ts'

const HOST = 'edge.test'

describe('GET /v1/providers/{peer id}/earnings', () => {
  let edge: TestEdge
  let key: ProviderKey
  beforeEach(async () => {
    edge = await startEdge()
    key = newProviderKey()
  })

  const ask = (
    peer: string,
    { signer = key, about = earningsRequest(HOST), at = edge.clock.now() } = {},
  ) =>
    edge.fetch(
      new Request(`http://${HOST}:8787/v1/providers/${peer}/earnings`, {
        headers: signedHeaders(signer, about, at),
      }),
    )

  it('tells a provider what it has earned, and nobody may keep that', async () => {
    edge.earnings.of.set(key.peer, {
      ...NO_EARNINGS,
      pendingMsat: 2n ** 60n,
      since: 1_999,
      days: [{ date: '2026-06-20', jobs: 2, earnedMsat: 7n, lostMsat: 1n }],
      payouts: [
        {
          id: 'po_1',
          amountMsat: 5n,
          state: 'succeeded',
          failure: null,
          createdAt: 1_000,
          finishedAt: 2_500,
        },
      ],
    })
    await edge.billing.runs({ pubkey: `02${'11'.repeat(32)}`, network: 'regtest', simulated: true })
    const response = await ask(key.peer)
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('no-store')
    const body: unknown = await response.json()
    expect(providerEarningsSchema.parse(body)).toEqual(body)
    expect(body).toMatchObject({
      notice: 'SIMULATED: no real money.',
      network: 'regtest',
      provider: key.peer,
      pending_msat: '1152921504606846976',
      since: 1,
      days: [{ date: '2026-06-20', jobs: 2, earned_msat: '7', lost_msat: '1' }],
      payouts: [{ id: 'po_1', amount_msat: '5', created_at: 1, finished_at: 2 }],
    })
  })

  it('tells nobody else', async () => {
    const other = newProviderKey()
    expect(await errorOf(await ask(other.peer))).toMatchObject({
      status: 403,
      code: 'not_the_provider',
    })
    // Signed for another edge, or for something else.
    for (const about of [earningsRequest('evil.test'), key.peer]) {
      expect(await errorOf(await ask(key.peer, { about }))).toMatchObject({
        status: 401,
        code: 'invalid_signature',
      })
    }
    const at = edge.clock.now() - 6 * 60_000
    expect(await errorOf(await ask(key.peer, { at }))).toMatchObject({ status: 401 })
    const path = `/v1/providers/${key.peer}/earnings`
    expect(await errorOf(await edge.request(path))).toMatchObject({ status: 403 })
    expect(await errorOf(await edge.request(path, { key: 'no' }))).toMatchObject({ status: 401 })
    expect(await errorOf(await ask('nobody'))).toMatchObject({ status: 404 })
    expect(edge.earnings.asks).toBe(0)
  })

  it('asks Postgres now and then, and again at once where it could not', async () => {
    edge.store.down = true
    expect((await ask(key.peer)).status).toBe(503)
    edge.store.down = false
    const before = edge.earnings.asks
    for (let i = 0; i < 3; i++) expect((await ask(key.peer)).status).toBe(200)
    expect(edge.earnings.asks).toBe(before + 1)
    edge.clock.advance(EARNINGS_TTL_MS)
    await ask(key.peer)
    expect(edge.earnings.asks).toBe(before + 2)
  })
})
