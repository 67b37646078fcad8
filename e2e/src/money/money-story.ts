import OpenAI from 'openai'
import { hashOf } from '@infernet/settlement/lightning/lnd/lnd-messages'
import { invoicePayment } from '@infernet/settlement/testing/payment-order'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Service } from '../processes.ts'
import { Stack, until, type Client, type HostKind } from '../stack.ts'
import { MoneyClient, type Json } from './money-client.ts'
import { paidAgentOptions, reconcile, startSettler } from './settler-process.ts'
import { clientInvoice, FEE_LIMIT_MSAT, type TestLightning } from './test-lightning.ts'

/** 500 msat a token: a short answer is worth a few sat, as with a large model. */
const PRICE = 'prompt=500000000,completion=500000000'
const TOP_UP_SAT = 2_000n

/**
 * What money does from a client's wallet to a provider's, the same against every Lightning: each step is
 * held against the nodes' own records, and in the end the ledger against all of them.
 */
export function testMoneyStory(
  kind: HostKind,
  port: number,
  openLightning: () => Promise<TestLightning>,
): void {
  let lightning: TestLightning
  let stack: Stack
  let settler: Service
  let account: Client
  let client: MoneyClient
  let payouts: readonly Json[]

  beforeAll(async () => {
    lightning = await openLightning()
    stack = await Stack.start(kind, port)
    settler = await startSettler(stack, lightning)
    payouts = settler.collect((line) => line['event'] === 'payout_succeeded')
    await stack.startAgent('paid', 'infernet-demo', [
      '--engine',
      'llama-cpp',
      '--price',
      PRICE,
      ...paidAgentOptions(lightning),
    ])
    // Whatever the nodes did before there were books is nobody's: it is put into suspense.
    await reconcile(stack, lightning)
    account = await stack.createClient('0')
    client = new MoneyClient(stack, account.apiKey)
  })
  afterAll(async () => {
    await settler?.kill()
    await stack?.stop()
    await lightning?.stop()
  })

  const pay = async (bolt11: unknown) => {
    const outcome = await lightning.client.pay(invoicePayment(String(bolt11), FEE_LIMIT_MSAT))
    expect(outcome).toMatchObject({ status: 'succeeded' })
    return outcome.status === 'succeeded' ? outcome.preimage : ''
  }
  const ledger = async () => await stack.operator('GET', '/operator/ledger')

  it('refuses a request that there is no credit for, and says how to top up', async () => {
    const refused = await client.chat('hello')
    expect(refused.status).toBe(402)
    expect(refused.headers.get('x-should-retry')).toBe('false')
    const { error } = refused.json as { error: { code: string; message: string } }
    expect(error.code).toBe('insufficient_credit')
    expect(error.message).toContain('/v1/billing/topups')
  })

  it('credits a top-up when its invoice is paid', async () => {
    const key = { 'idempotency-key': 'first' }
    const order = { amount_sat: Number(TOP_UP_SAT) }
    const topUp = await client.post('/billing/topups', order, key)
    expect(topUp).toMatchObject({ amount_msat: String(TOP_UP_SAT * 1000n), status: 'open' })
    expect(topUp['simulated']).toBe(lightning.simulated)
    expect(await client.post('/billing/topups', order, key)).toMatchObject({ id: topUp['id'] })
    const preimage = await pay(topUp['invoice'])
    expect(hashOf(preimage)).toBe(topUp['payment_hash'])
    const paid = await client.untilStatus(`/billing/topups/${String(topUp['id'])}`, 'settled')
    expect(paid['paid_msat']).toBe(String(TOP_UP_SAT * 1000n))
    await until('the credit can be spent', async () => {
      const { data } = (await client.get('/credits')) as { data: { available_msat: string } }
      return data.available_msat === String(TOP_UP_SAT * 1000n)
    })
  })

  it('serves a request, says what it cost, and pays the provider on its own node', async () => {
    const before = payouts.length
    const answer = await client.chat('hello')
    expect(answer.status).toBe(200)
    const { usage } = answer.json as { usage: { cost: number } }
    expect(usage.cost).toBeGreaterThan(0)
    const fee = Math.ceil(usage.cost / 100)
    await until('the provider is paid', () => payouts.length > before)
    const payout = payouts[before] ?? {}
    expect(payout['amount_msat']).toBe(String(usage.cost - fee))
    const hash = hashOf(String(payout['preimage']))
    expect(await lightning.providerNode.lookupInvoice(hash)).toMatchObject({
      state: 'settled',
      paidMsat: BigInt(usage.cost - fee),
    })
    expect(await lightning.operatorNode.track(hash)).toMatchObject({ status: 'succeeded' })
  })

  it('pays credit out again to its owner', async () => {
    const bolt11 = await clientInvoice(lightning, 100_000n)
    const ordered = await client.post('/billing/withdrawals', { invoice: bolt11 })
    const path = `/billing/withdrawals/${String(ordered['id'])}`
    const done = await client.untilStatus(path, 'succeeded', 'failed', 'refused')
    expect(done).toMatchObject({ status: 'succeeded', amount_msat: '100000' })
    const hash = hashOf(String(done['preimage']))
    expect(await lightning.client.lookupInvoice(hash)).toMatchObject({ state: 'settled' })
  })

  it('sells a bundle to whoever has no account, and gives the rest back', async () => {
    const stranger = new MoneyClient(stack, '')
    const challenge = await stranger.chat('hello')
    expect(challenge.status).toBe(402)
    const header = challenge.headers.get('www-authenticate') ?? ''
    const [, token] = /token="([^"]+)"/.exec(header) ?? []
    const [, invoice] = /invoice="([^"]+)"/.exec(header) ?? []
    const preimage = await pay(invoice)
    const apiKey = `l402_${base64Url(String(token))}.${preimage}`
    const bundle = new MoneyClient(stack, apiKey)
    let answer = await bundle.chat('hello')
    await until('the bundle is credited', async () => {
      if (answer.status === 402) answer = await bundle.chat('hello')
      return answer.status === 200
    })
    // Nobody has to change a client for it.
    const openai = new OpenAI({ baseURL: `${stack.url}/v1`, apiKey, maxRetries: 0 })
    const said = await openai.chat.completions.create({
      model: 'infernet-demo',
      max_tokens: 8,
      messages: [{ role: 'user', content: 'hello' }],
    })
    expect(said.usage?.completion_tokens).toBeGreaterThan(0)
    const left = await bundle.get('/l402')
    expect(Number(left['available_msat'])).toBeGreaterThan(0)
    // The invoice asks for what the bundle has, less what the payment may cost.
    const refund = (BigInt(String(left['available_msat'])) * 9n) / 10n
    const bolt11 = await clientInvoice(lightning, refund)
    const closed = await bundle.post('/l402/close', { invoice: bolt11 })
    const path = `/l402/close/${String(closed['id'])}`
    expect(await bundle.untilStatus(path, 'succeeded', 'failed', 'refused')).toMatchObject({
      status: 'succeeded',
    })
  })

  it('runs a job of a fixed price, which is paid for when it is done', async () => {
    const quoted = await client.post('/jobs', {
      endpoint: '/v1/chat/completions',
      body: {
        model: 'infernet-demo',
        max_tokens: 8,
        messages: [{ role: 'user', content: 'hello' }],
      },
    })
    const path = `/jobs/${String(quoted['id'])}`
    const open = await client.untilStatus(path, 'awaiting_payment')
    // A hold invoice is not paid before the job is done, so this waits for its end.
    const paying = pay(open['invoice'])
    const done = await client.untilStatus(path, 'completed', 'failed')
    expect(done['status']).toBe('completed')
    await paying
    const price = BigInt(String(done['price_msat']))
    await until('the provider has its part', () =>
      payouts.some(({ amount_msat: paid }) => paid === String(price - (price + 99n) / 100n)),
    )
  })

  it('agrees with both nodes to the millisatoshi', async () => {
    await until('everything has arrived', async () => {
      const { kinds } = (await ledger()) as { kinds: { kind: string; balance_msat: string }[] }
      const of = (kind: string) => kinds.find((one) => one.kind === kind)?.balance_msat ?? '0'
      return ['provider', 'provider_pending', 'payout_inflight', 'escrow'].every(
        (kind) => of(kind) === '0',
      )
    })
    const { sum_msat: sum, drifted } = await ledger()
    expect({ sum, drifted }).toEqual({ sum: '0', drifted: [] })
    const { code, output } = await reconcile(stack, lightning)
    expect(output).not.toBe('')
    expect({ code, output }).toMatchObject({ code: 0 })
  })
}

const base64Url = (base64: string): string =>
  base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
