import { bundleId } from '@infernet/schemas/ids'
import { decodeInvoice } from '@infernet/settlement/bolt11/decode-invoice'
import { describe, expect, it } from 'vitest'
import { RECEIPT_WAIT_MS } from '../limits.ts'
import { answerEverything } from '../testing/answering-provider.ts'
import { answerJson } from '../testing/answers.ts'
import {
  buyBundle,
  narrowedKey,
  paymentOf,
  sellingEdge,
  strange,
  type PaymentBody,
} from '../testing/bundles.ts'
import { errorOf } from '../testing/error-answer.ts'
import { modelOffer } from '../testing/fake-provider.ts'
import { startEdge, type TestEdge } from '../testing/test-edge.ts'

/** So dear that the shortest request costs more than the least bundle. */
const dear = modelOffer('tiny', { price: { prompt: 1_000_000_000, completion: 10_000_000_000 } })

const accountOf = (invoice: string) => bundleId(decodeInvoice(invoice).paymentHash)

/** A chat that the edge's only provider answers. */
async function answered(
  edge: TestEdge,
  provider: Awaited<ReturnType<TestEdge['provider']>>,
  init: Parameters<TestEdge['chat']>[1],
): Promise<Response> {
  const response = edge.chat({}, init)
  answerJson(await provider.jobs.next())
  return response
}

describe('a request without a key', () => {
  it('buys a bundle, spends it in both forms, and is asked to pay again when it is spent', async () => {
    const { edge, settler } = await sellingEdge()
    const provider = await edge.provider({ models: [dear] })
    const asked = await strange(edge)
    expect(asked.status).toBe(402)
    expect(asked.headers.get('x-should-retry')).toBe('false')
    const { error, l402 } = (await asked.json()) as PaymentBody
    expect(error).toMatchObject({ code: 'payment_required', type: 'insufficient_quota' })
    expect(error.message).toContain('SIMULATED')
    expect(asked.headers.get('www-authenticate')).toBe(
      `L402 version="0", token="${l402.token}", macaroon="${l402.token}", invoice="${l402.invoice}"`,
    )
    const price = Number(l402.price_msat)
    expect(price).toBeGreaterThan(1_000_000)
    expect(l402).toMatchObject({ amount_sat: price / 1000, simulated: true })
    expect(decodeInvoice(l402.invoice).amountMsat).toBe(BigInt(price))
    // Nobody was asked for anything.
    expect(edge.hub.jobsInFlight).toBe(0)
    expect(edge.records).toEqual([])

    const { header, key, invoice } = await buyBundle({ edge, settler })
    expect(invoice).toBe(l402.invoice)
    const first = await answered(edge, provider, { headers: { authorization: header } })
    expect(first.status).toBe(200)
    const { usage } = (await first.json()) as { usage: { cost: number } }
    expect(usage.cost).toBeGreaterThan(0)
    const account = accountOf(invoice)
    const left = { availableMsat: price - usage.cost, reservedMsat: 0, openHolds: 0 }
    expect(await edge.accounts.balance(account)).toEqual(left)

    const asking = edge.chat({}, { key })
    const offered = await provider.jobs.next()
    const again = await asking
    expect(again.status).toBe(402)
    offered.end()
    const next = await paymentOf(again)
    expect(next.price_msat).toBe(l402.price_msat)
    // What is paid cannot be paid again.
    expect(next.invoice).not.toBe(l402.invoice)
    expect(await edge.accounts.balance(account)).toEqual(left)
    const cheaper = edge.chat({ max_completion_tokens: 10 }, { key })
    answerJson(await provider.jobs.next())
    expect((await cheaper).status).toBe(200)
    expect(edge.records.map(({ accountId, status }) => [accountId, status])).toEqual([
      [account, 'completed'],
      [account, 'cancelled'],
      [account, 'completed'],
    ])
  })

  it('is asked for an API key where there are no master keys, or nobody settles', async () => {
    const keyless = await startEdge()
    await keyless.provider()
    expect(await errorOf(await strange(keyless))).toMatchObject({
      status: 401,
      code: 'missing_api_key',
    })
    const { edge } = await sellingEdge()
    await edge.provider()
    await edge.billing.runs(undefined)
    expect(await errorOf(await strange(edge))).toMatchObject({ code: 'missing_api_key' })
    edge.clock.advance(60_000)
    edge.billing.down = true
    expect(await errorOf(await strange(edge))).toMatchObject({ code: 'missing_api_key' })
    const { key } = await buyBundle(await sellingEdgeWithProvider())
    expect(await errorOf(await keyless.chat({}, { key }))).toMatchObject({ code: 'invalid_l402' })
  })

  it('hears first what is wrong with it', async () => {
    const { edge, settler } = await sellingEdge()
    await edge.provider()
    expect((await strange(edge, { messages: 'hi' })).status).toBe(400)
    expect((await strange(edge, { model: 'none' })).status).toBe(404)
    expect(settler.made).toBe(0)
  })

  it('gets the same invoice for a minute, and no more than some in a minute', async () => {
    const { edge, settler } = await sellingEdge()
    const models = Array.from({ length: 12 }, (_, n) => modelOffer(`m${n}`))
    await edge.provider({ models })
    const ask = (n: number, address?: string) => strange(edge, { model: `m${n}` }, address)
    const same = await Promise.all([ask(0), ask(0), ask(0)])
    const bodies = await Promise.all(same.map(paymentOf))
    expect(new Set(bodies.map(({ invoice }) => invoice)).size).toBe(1)
    expect(settler.made).toBe(1)
    for (let n = 1; n < 10; n++) expect((await ask(n)).status).toBe(402)
    const refused = await ask(10)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await errorOf(refused)).toMatchObject({ status: 429, code: 'too_many_invoices' })
    // Who has asked before, and others, go on.
    expect((await ask(0)).status).toBe(402)
    expect((await ask(10, '192.0.2.2')).status).toBe(402)
    expect(settler.made).toBe(11)
    edge.clock.advance(60_000)
    expect((await ask(10)).status).toBe(402)
    expect((await paymentOf(await ask(0))).invoice).not.toBe(bodies[0]!.invoice)
  })
})

async function sellingEdgeWithProvider() {
  const selling = await sellingEdge()
  await answerEverything(selling.edge)
  return selling
}

describe('a bundle', () => {
  it('is never overdrawn, however many spend it at once', async () => {
    const { edge, settler } = await sellingEdge()
    const price = { prompt: 1_000_000_000, completion: 1_000_000_000 }
    const offer = modelOffer('tiny', { price })
    const provider = await edge.provider({ models: [offer], slots: 64 })
    const answerAll = async (): Promise<never> => {
      for (;;) answerJson(await provider.jobs.next())
    }
    void answerAll()
    const { key, header, invoice, priceMsat } = await buyBundle({ edge, settler })
    const asked = Array.from({ length: 50 }, (_, n) =>
      edge.chat({}, n % 2 === 0 ? { key } : { headers: { authorization: header } }),
    )
    const statuses = (await Promise.all(asked)).map(({ status }) => status)
    expect(statuses).toContain(200)
    expect(statuses.every((status) => [200, 402, 429].includes(status))).toBe(true)
    const spent = edge.records.reduce((sum, { costMsat }) => sum + costMsat, 0)
    const balance = await edge.accounts.balance(accountOf(invoice))
    expect(balance).toEqual({ availableMsat: priceMsat - spent, reservedMsat: 0, openHolds: 0 })
    expect(spent).toBeGreaterThan(0)
  })

  it('is known to all routes of an account', async () => {
    const selling = await sellingEdgeWithProvider()
    const { edge } = selling
    const { key, invoice, priceMsat } = await buyBundle(selling)
    const chat = await edge.chat({}, { key })
    const { id } = (await chat.json()) as { id: string }
    const { costMsat, id: job } = edge.record
    const read = async (path: string) => {
      const response = await edge.request(path, { key })
      expect(response.status).toBe(200)
      return response.json()
    }
    expect(await read('/v1/credits')).toMatchObject({
      data: { total_usage: costMsat, available_msat: String(priceMsat - costMsat) },
    })
    expect(await read('/v1/key')).toMatchObject({
      data: {
        id: expect.stringMatching(/^[0-9a-f]{16}$/),
        account: { id: accountOf(invoice), limits: { max_concurrent: 16 } },
      },
    })
    expect(await read(`/v1/generation?id=${id}`)).toMatchObject({ data: { total_cost: costMsat } })
    const receipt = read(`/v1/receipts/${job}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
    edge.clock.advance(RECEIPT_WAIT_MS)
    expect(await receipt).toMatchObject({ cost_msat: String(costMsat) })
    expect(await read('/v1/models')).toMatchObject({ data: [{ id: 'tiny' }] })
    const anthropic = new Request('http://edge.test/v1/key', { headers: { 'x-api-key': key } })
    expect((await edge.fetch(anthropic)).status).toBe(200)
  })

  it('waits a moment for its money, and never asks to be paid twice', async () => {
    const selling = await sellingEdgeWithProvider()
    const { edge, settler } = selling
    const { key, invoice } = await buyBundle(selling, {}, { late: true })
    const first = edge.chat({}, { key })
    await new Promise((resolve) => setTimeout(resolve, 250))
    await settler.credit(invoice)
    expect((await first).status).toBe(200)
  })

  it('says that its money is on its way when that takes long', async () => {
    const selling = await sellingEdgeWithProvider()
    const { key } = await buyBundle(selling, {}, { late: true })
    const response = await selling.edge.chat({}, { key })
    expect(response.headers.get('retry-after')).toBe('2')
    expect(await errorOf(response)).toMatchObject({ status: 503, code: 'payment_pending' })
  }, 15_000)
})

describe('a credential', () => {
  it('is refused with a preimage that is not its own, or altered', async () => {
    const selling = await sellingEdgeWithProvider()
    const { edge } = selling
    const { key, header, credential } = await buyBundle(selling)
    const bad = [
      key.slice(0, -64) + 'f'.repeat(64),
      key.slice(0, -70) + key.slice(-64),
      narrowedKey({ ...credential, macaroon: { ...credential.macaroon, caveats: [] } }),
      narrowedKey(credential, 'infer_unknown=1'),
      narrowedKey(credential, 'infer_valid_until=99999999999'),
      'l402_',
    ]
    for (const wrong of bad) {
      const error = await errorOf(await edge.chat({}, { key: wrong }))
      expect(error).toMatchObject({ status: 401, code: 'invalid_l402' })
    }
    const twice = { headers: { authorization: `${header}, ${header}` } }
    expect((await edge.chat({}, twice)).status).toBe(200)
    const long = { headers: { authorization: `L402 ${'A'.repeat(7000)}:${'0'.repeat(64)}` } }
    expect(await errorOf(await edge.chat({}, long))).toMatchObject({ code: 'invalid_l402' })
    expect(edge.records).toHaveLength(1)
  })

  it('can be narrowed to a model, an endpoint, a service and a budget', async () => {
    const { edge, settler } = await sellingEdge()
    await edge.provider({ models: [modelOffer('other')] })
    await answerEverything(edge)
    const { credential } = await buyBundle({ edge, settler })
    const chat = (caveat: string, fields = {}) =>
      edge.chat(fields, { key: narrowedKey(credential, caveat) })
    expect((await chat('infer_model=tiny')).status).toBe(200)
    expect((await chat('infer_capabilities=chat')).status).toBe(200)
    expect((await chat('infer_budget_msat=100000')).status).toBe(200)
    const forbidden = { status: 403, code: 'l402_not_allowed' }
    expect(await errorOf(await chat('infer_model=other'))).toMatchObject(forbidden)
    const models = { models: ['other'] }
    expect(await errorOf(await chat('infer_model=tiny', models))).toMatchObject(forbidden)
    expect(await errorOf(await chat('infer_capabilities=embeddings'))).toMatchObject(forbidden)
    expect(await errorOf(await chat('services=other:0'))).toMatchObject({ code: 'invalid_l402' })
    const spent = edge.records.reduce((sum, { costMsat }) => sum + costMsat, 0)
    const budget = await chat(`infer_budget_msat=${spent + 10}`)
    expect(await errorOf(budget)).toMatchObject({ status: 402, code: 'token_budget_exceeded' })
  })

  it('expires, and is then told what to pay', async () => {
    const selling = await sellingEdgeWithProvider()
    const { edge } = selling
    const { key, credential } = await buyBundle(selling)
    const soon = Math.floor(edge.clock.now() / 1000) + 10
    const short = narrowedKey(credential, `infer_valid_until=${soon}`)
    expect((await edge.chat({}, { key: short })).status).toBe(200)
    edge.clock.advance(10_000)
    const response = await edge.chat({}, { key: short })
    expect(response.status).toBe(402)
    expect(((await response.json()) as PaymentBody).error.message).toContain('expired')
    const error = await errorOf(await edge.request('/v1/credits', { key: short }))
    expect(error).toMatchObject({ status: 401, code: 'l402_expired' })
    expect((await edge.chat({}, { key })).status).toBe(200)
  })
})
