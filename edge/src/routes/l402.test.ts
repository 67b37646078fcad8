import { describe, expect, it } from 'vitest'
import { answerJson } from '../testing/answers.ts'
import { buyBundle, narrowedKey, sellingEdge } from '../testing/bundles.ts'
import { errorOf } from '../testing/error-answer.ts'
import { clientInvoice } from '../testing/fake-settler.ts'
import type { TestEdge } from '../testing/test-edge.ts'

interface Withdrawal {
  readonly id: string
  readonly status: string
  readonly amount_msat: string
  readonly fee_reserve_msat: string
}

async function withBundle() {
  const selling = await sellingEdge()
  const provider = await selling.edge.provider()
  return { ...selling, provider, ...(await buyBundle(selling)) }
}

const close = (edge: TestEdge, key: string, body: object) =>
  edge.request('/v1/l402/close', { method: 'POST', key, body: JSON.stringify(body) })
const closed = async (response: Promise<Response>): Promise<Withdrawal> => {
  const answer = await response
  expect(answer.status).toBe(200)
  return (await answer.json()) as Withdrawal
}
const left = async (edge: TestEdge, key: string) =>
  (await (await edge.request('/v1/l402', { key })).json()) as Record<string, unknown>

const ADDRESS = { lightning_address: 'alice@example.org' }

describe('GET /v1/l402', () => {
  it('says what is left of a bundle, and of what its token allows', async () => {
    const { edge, key, credential } = await withBundle()
    const expiresAt = Math.floor(edge.clock.now() / 1000) + 30 * 86_400
    expect(await left(edge, key)).toEqual({
      object: 'l402_bundle',
      payment_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      available_msat: '1000000',
      reserved_msat: '0',
      open_jobs: 0,
      limits: {
        services: ['infer:0'],
        capabilities: null,
        model: null,
        budget_msat: null,
        expires_at: expiresAt,
      },
      can_close: true,
      closable_msat: '995000',
    })
    const narrowed = narrowedKey(credential, 'infer_model=tiny', 'infer_budget_msat=500')
    expect(await left(edge, narrowed)).toMatchObject({
      limits: { model: 'tiny', budget_msat: '500' },
      can_close: false,
      closable_msat: '0',
    })
    expect(await errorOf(await edge.request('/v1/l402'))).toMatchObject({ code: 'not_a_bundle' })
  })
})

describe('POST /v1/l402/close', () => {
  it('pays all that is left to a Lightning address, once, also when the token has expired', async () => {
    const { edge, key } = await withBundle()
    edge.clock.advance(31 * 86_400_000)
    const withdrawal = await closed(close(edge, key, ADDRESS))
    expect(withdrawal).toMatchObject({
      object: 'billing.withdrawal',
      status: 'funded',
      amount_msat: '995000',
      fee_reserve_msat: '5000',
      preimage: null,
      simulated: true,
    })
    expect(await left(edge, key)).toMatchObject({ available_msat: '0', closable_msat: '0' })
    const both = [close(edge, key, ADDRESS), close(edge, key, ADDRESS)].map(closed)
    expect((await Promise.all(both)).map(({ id }) => id)).toEqual([withdrawal.id, withdrawal.id])
    const other = await close(edge, key, { lightning_address: 'bob@example.org' })
    expect(await errorOf(other)).toMatchObject({ status: 409, code: 'withdrawal_under_way' })
    await edge.billing.succeeded(withdrawal.id, 'ab'.repeat(32), 1000n)
    expect((await closed(close(edge, key, ADDRESS))).status).toBe('succeeded')
    const told = await edge.request(`/v1/l402/close/${withdrawal.id}`, { key })
    expect(await told.json()).toMatchObject({ fee_msat: '1000', preimage: 'ab'.repeat(32) })
    expect(edge.billing.withdrawals.size).toBe(1)
  })

  it('orders one withdrawal for whoever asks at once', async () => {
    const { edge, key } = await withBundle()
    await left(edge, key)
    const asked = Array.from({ length: 5 }, () => close(edge, key, ADDRESS))
    const ids = (await Promise.all(asked.map(closed))).map(({ id }) => id)
    expect(new Set(ids).size).toBe(1)
    expect(edge.billing.withdrawals.size).toBe(1)
  })

  it('pays an invoice of at most what is left, and another one after a failure', async () => {
    const { edge, key } = await withBundle()
    const now = edge.clock.now()
    const dear = clientInvoice(995_001n, now)
    expect(await errorOf(await close(edge, key, { invoice: dear }))).toMatchObject({
      status: 400,
      code: 'invalid_invoice',
      param: 'invoice',
    })
    const first = await closed(close(edge, key, { invoice: clientInvoice(900_000n, now) }))
    expect(first).toMatchObject({ amount_msat: '900000', fee_reserve_msat: '4500' })
    await edge.billing.failed(first.id, 'no_route')
    const status = await edge.request(`/v1/l402/close/${first.id}`, { key })
    expect(await status.json()).toMatchObject({ status: 'failed', failure: 'no_route' })
    const second = await closed(close(edge, key, ADDRESS))
    expect(second.id).not.toBe(first.id)
  })

  it('refuses what cannot be paid, and takes nothing', async () => {
    const { edge, key, credential } = await withBundle()
    const bad = [
      {},
      { lightning_address: 'alice' },
      { invoice: 'lnbcrt1' },
      { ...ADDRESS, invoice: clientInvoice(1000n, edge.clock.now()) },
      { invoice: clientInvoice(1000n, edge.clock.now() - 3_600_000) },
    ]
    for (const body of bad) expect((await close(edge, key, body)).status).toBe(400)
    const narrowed = narrowedKey(credential, 'infer_budget_msat=500')
    expect(await errorOf(await close(edge, narrowed, ADDRESS))).toMatchObject({ status: 403 })
    await edge.billing.runs(undefined)
    expect(await errorOf(await close(edge, key, ADDRESS))).toMatchObject({
      status: 503,
      code: 'settler_unavailable',
    })
    expect(await left(edge, key)).toMatchObject({ available_msat: '1000000' })
    const strange = await edge.request('/v1/l402/close/wd_1', { key })
    expect(await errorOf(strange)).toMatchObject({ status: 404 })
  })

  it('waits for requests that run', async () => {
    const { edge, key, provider } = await withBundle()
    const chat = edge.chat({}, { key })
    const job = await provider.jobs.next()
    expect(await errorOf(await close(edge, key, ADDRESS))).toMatchObject({
      status: 409,
      code: 'requests_running',
    })
    answerJson(job)
    await chat
    expect((await closed(close(edge, key, ADDRESS))).status).toBe('funded')
  })
})
