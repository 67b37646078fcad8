import { COMPONENTS } from '@infernet/openai-compat/openapi/components'
import { newAccountId } from '@infernet/schemas/ids'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  MAX_OPEN_TOP_UPS,
  MAX_TOP_UP_STREAMS_PER_ACCOUNT,
  ORDERED_INVOICE,
  TOP_UP_EVENTS_MS,
  TOP_UP_EVENTS_POLL_MS,
  TOP_UP_EXPIRY_SECONDS,
} from '../limits.ts'
import { errorOf } from '../testing/error-answer.ts'
import { CREDIT_MSAT, startEdge, type TestEdge } from '../testing/test-edge.ts'

const NODE = { pubkey: `02${'11'.repeat(32)}`, network: 'regtest', simulated: true }
const PATH = '/v1/billing/topups'

/** An edge with a settler that makes every invoice at once. */
async function paidEdge(): Promise<TestEdge> {
  const edge = await startEdge()
  await edge.billing.runs(NODE)
  edge.onWake = async () => {
    for (const row of edge.billing.topUps.values()) {
      if (row.state !== 'requested') continue
      const expiresAt = row.createdAt + row.expirySeconds
      await edge.billing.opened(row.id, `hash of ${row.id}`, 'lnbcrt1', expiresAt)
    }
  }
  return edge
}
const post = (edge: TestEdge, body: unknown, headers: Record<string, string> = {}) =>
  edge.request(PATH, { method: 'POST', body: JSON.stringify(body), headers })
const read = async (response: Response) => COMPONENTS.TopUp.parse(await response.json())
async function order(edge: TestEdge, body: unknown = { amount_sat: 21 }) {
  const response = await post(edge, body)
  expect(response.status).toBe(201)
  return read(response)
}

afterEach(() => {
  vi.useRealTimers()
})

describe('GET /v1/billing/topups/{id}/qr', () => {
  it('is a picture of the account’s own invoice', async () => {
    const edge = await paidEdge()
    const { id } = (await order(edge, { amount_sat: 21 })) as { id: string }
    const qr = await edge.request(`${PATH}/${id}/qr`, { key: edge.key })
    expect(qr.headers.get('content-type')).toBe('image/svg+xml')
    expect(await qr.text()).toMatch(/^<svg /)
    const stranger = edge.addKey(newAccountId(0))
    expect((await edge.request(`${PATH}/${id}/qr`, { key: stranger })).status).toBe(404)
  })
})

describe('POST /v1/billing/topups', () => {
  it('answers with the invoice to pay, and says whether it is real', async () => {
    const edge = await paidEdge()
    const response = await post(edge, { amount_sat: 21, memo: 'Ada’s credit' })
    expect(response.status).toBe(201)
    const created = Math.floor(edge.clock.now() / 1000)
    expect(await response.json()).toEqual({
      id: expect.stringMatching(/^top_[0-9a-f]{32}$/),
      object: 'billing.topup',
      status: 'open',
      created,
      amount_msat: '21000',
      amount_sat: 21,
      memo: 'Ada’s credit',
      invoice: 'lnbcrt1',
      payment_hash: expect.stringMatching(/^hash of top_/),
      expires_at: created + TOP_UP_EXPIRY_SECONDS,
      paid_msat: '0',
      credited: false,
      network: 'regtest',
      simulated: true,
      notice: 'SIMULATED: no real money.',
    })
    await edge.billing.runs({ ...NODE, simulated: false })
    expect(await order(edge, { amount_msat: '1500' })).toMatchObject({
      amount_msat: '1500',
      amount_sat: 1.5,
      simulated: false,
      notice: null,
    })
  })

  it('waits a moment for the invoice, and then says that it is to come', async () => {
    const edge = await paidEdge()
    edge.onWake = () => {}
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const posting = post(edge, { amount_sat: 1 })
    await vi.advanceTimersByTimeAsync(ORDERED_INVOICE.waitMs + 1)
    const response = await posting
    expect(response.headers.get('retry-after')).toBe('1')
    const made = await read(response)
    expect(made).toMatchObject({ status: 'requested', invoice: null, payment_hash: null })
    expect(made.notice).toContain('being made')
  })

  it('orders once under a key, and refuses another order under it', async () => {
    const edge = await paidEdge()
    const headers = { 'idempotency-key': 'k' }
    const answers = await Promise.all([1, 2, 3].map(() => post(edge, { amount_sat: 1 }, headers)))
    const ids = await Promise.all(answers.map(async (answer) => (await read(answer)).id))
    expect(new Set(ids).size).toBe(1)
    expect(edge.billing.topUps.size).toBe(1)
    await edge.billing.runs(undefined)
    const again = await post(edge, { amount_msat: '1000' }, headers)
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(await read(again)).toMatchObject({ id: ids[0], network: null, simulated: null })
    for (const body of [{ amount_sat: 2 }, { amount_sat: 1, memo: 'x' }]) {
      const refused = { status: 409, code: 'idempotency_key_reused' }
      expect(await errorOf(await post(edge, body, headers))).toMatchObject(refused)
    }
    await edge.billing.runs(NODE)
    const key = edge.addKey(newAccountId(9))
    const init = { method: 'POST', body: '{"amount_sat": 2}', headers, key }
    expect((await edge.request(PATH, init)).status).toBe(201)
  })

  it('orders nothing while no settler runs, or Postgres is away', async () => {
    const edge = await startEdge()
    const away = { status: 503, code: 'settler_unavailable' }
    expect(await errorOf(await post(edge, { amount_sat: 1 }))).toMatchObject(away)
    edge.billing.down = true
    const down = { status: 503, code: 'records_unavailable' }
    expect(await errorOf(await post(edge, { amount_sat: 1 }))).toMatchObject(down)
    expect(edge.billing.topUps.size).toBe(0)
  })

  it('orders although the settler could not be told', async () => {
    const edge = await paidEdge()
    const make = edge.onWake
    edge.onWake = async () => {
      await make()
      throw new Error('no object')
    }
    expect((await order(edge)).status).toBe('open')
    expect(edge.log.some(({ event }) => event === 'error')).toBe(true)
  })

  it.each([
    [{}, 'amount_sat'],
    [{ amount_sat: 0 }, 'amount_sat'],
    [{ amount_sat: 1.5 }, 'amount_sat'],
    [{ amount_sat: -1 }, 'amount_sat'],
    [{ amount_sat: '1' }, 'amount_sat'],
    [{ amount_msat: 1000 }, 'amount_msat'],
    [{ amount_msat: '01000' }, 'amount_msat'],
    [{ amount_msat: '999' }, null],
    [{ amount_msat: '9007199254740992' }, null],
    [{ amount_sat: 9_007_199_254_741 }, null],
    [{ amount_sat: 1, amount_msat: '1000' }, 'amount_msat'],
    [{ amount_sat: 1, memo: 'a\0' }, 'memo'],
    [{ amount_sat: 1, memo: 'é'.repeat(400) }, null],
    [[], null],
  ])('refuses %j', async (body, param) => {
    const edge = await paidEdge()
    expect(await errorOf(await post(edge, body))).toMatchObject({ status: 400, param })
    expect(edge.billing.topUps.size).toBe(0)
  })

  it('leaves no more invoices open than may be', async () => {
    const edge = await paidEdge()
    for (let n = 0; n < MAX_OPEN_TOP_UPS; n++) await order(edge)
    const refusal = { status: 429, code: 'too_many_open_orders' }
    expect(await errorOf(await post(edge, { amount_sat: 1 }))).toMatchObject(refusal)
    const [first] = edge.billing.topUps.keys()
    await edge.billing.settled(first!, 1_000n)
    await order(edge)
    expect(await errorOf(await post(edge, { amount_sat: 1 }))).toMatchObject(refusal)
    // What has run out is not open, whatever its row says.
    edge.clock.advance(TOP_UP_EXPIRY_SECONDS * 1_000)
    await order(edge)
  })
})

describe('GET /v1/billing/topups', () => {
  it('shows an account its own, and credits what is paid', async () => {
    const edge = await paidEdge()
    const { id } = await order(edge)
    await edge.billing.settled(id, 21_000n)
    const [one, two] = await Promise.all([1, 2].map(() => edge.request(`${PATH}/${id}`)))
    for (const response of [one!, two!]) {
      const settled = { status: 'settled', paid_msat: '21000', credited: true }
      expect(await read(response)).toMatchObject(settled)
    }
    expect((await edge.balance()).availableMsat).toBe(CREDIT_MSAT + 21_000)
    const key = edge.addKey(newAccountId(9))
    for (const path of [`${PATH}/${id}`, `${PATH}/${id}/events`]) {
      const missing = { status: 404, code: 'topup_not_found' }
      expect(await errorOf(await edge.request(path, { key }))).toMatchObject(missing)
    }
    expect(await (await edge.request(PATH, { key })).json()).toMatchObject({
      object: 'list',
      data: [],
    })
  })

  it('lists the latest', async () => {
    const edge = await paidEdge()
    for (let n = 1; n <= 3; n++) {
      await order(edge, { amount_sat: n })
      edge.clock.advance(1_000)
    }
    const list = await (await edge.request(`${PATH}?limit=2`)).json()
    const { data } = COMPONENTS.TopUpList.parse(list)
    expect(data.map(({ amount_sat }) => amount_sat)).toEqual([3, 2])
    for (const limit of ['0', '101', 'x']) {
      const refused = { status: 400, param: 'limit' }
      expect(await errorOf(await edge.request(`${PATH}?limit=${limit}`))).toMatchObject(refused)
    }
  })

  it('says which node would make the next, before there is any, and when none would', async () => {
    const away = await (await (await startEdge()).request(PATH)).json()
    expect(COMPONENTS.TopUpList.parse(away)).toMatchObject({ network: null, simulated: null })
    const there = await (await (await paidEdge()).request(PATH)).json()
    expect(COMPONENTS.TopUpList.parse(there)).toEqual({
      object: 'list',
      data: [],
      network: 'regtest',
      simulated: true,
      notice: expect.stringContaining('SIMULATED'),
    })
  })
})

describe('the events of a top-up', () => {
  async function watch(edge: TestEdge, id: string) {
    const response = await edge.request(`${PATH}/${id}/events`)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    return response
  }
  const states = (text: string) =>
    [...text.matchAll(/^data: (.*)$/gm)].map(([, json]) => {
      const { status, credited } = COMPONENTS.TopUp.parse(JSON.parse(json!))
      return `${status} ${credited}`
    })

  it('come with every change, and end when the money may be spent', async () => {
    const edge = await paidEdge()
    const { id } = await order(edge)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const text = (await watch(edge, id)).text()
    await vi.advanceTimersByTimeAsync(12 * TOP_UP_EVENTS_POLL_MS)
    await edge.billing.settled(id, 21_000n)
    // Outside of the fake timers' reach: a group is committed in an immediate.
    vi.advanceTimersByTime(TOP_UP_EVENTS_POLL_MS)
    expect(states(await text)).toEqual(['open false', 'settled true'])
    expect(await text).toContain(': waiting')
    expect((await edge.balance()).availableMsat).toBe(CREDIT_MSAT + 21_000)
  })

  it('end when nobody can pay any more, also for who asks by the header', async () => {
    const edge = await paidEdge()
    const { id } = await order(edge)
    await edge.billing.expired(id)
    const response = await edge.request(`${PATH}/${id}`, {
      headers: { accept: 'text/event-stream' },
    })
    expect(states(await response.text())).toEqual(['expired false'])
  })

  it('end after a while, with comments in between', async () => {
    const edge = await paidEdge()
    const { id } = await order(edge)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const text = (await watch(edge, id)).text()
    await vi.advanceTimersByTimeAsync(TOP_UP_EVENTS_MS + TOP_UP_EVENTS_POLL_MS)
    expect(states(await text)).toEqual(['open false'])
    expect((await text).match(/^: /gm)).toHaveLength(60)
  })

  it('are watched by a bounded number, and stop when their client leaves', async () => {
    const edge = await paidEdge()
    const { id } = await order(edge)
    const open: Response[] = []
    for (let n = 0; n < MAX_TOP_UP_STREAMS_PER_ACCOUNT; n++) open.push(await watch(edge, id))
    const refused = { status: 429, code: 'too_many_open_orders' }
    expect(await errorOf(await edge.request(`${PATH}/${id}/events`))).toMatchObject(refused)
    const asked = vi.spyOn(edge.billing, 'findTopUp')
    await Promise.all(open.map((response) => response.body?.cancel()))
    await new Promise((resolve) => setTimeout(resolve, TOP_UP_EVENTS_POLL_MS + 100))
    expect(asked).not.toHaveBeenCalled()
    await (await watch(edge, id)).body?.cancel()
  })

  it('end when they cannot be read', async () => {
    const edge = await paidEdge()
    const { id } = await order(edge)
    const response = await watch(edge, id)
    edge.billing.down = true
    expect(states(await response.text())).toEqual(['open false'])
  })
})
