import { COMPONENTS } from '@infernet/openai-compat/openapi/components'
import { newAccountId } from '@infernet/schemas/ids'
import { encodeInvoice, type InvoiceDraft } from '@infernet/settlement/bolt11/encode-invoice'
import {
  SPEC_PAYEE,
  SPEC_PAYMENT_HASH,
  SPEC_PAYMENT_SECRET,
  SPEC_PRIVATE_KEY,
} from '@infernet/settlement/bolt11/fixtures/spec-vectors'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyTransfers } from '../billing/apply-transfers.ts'
import { MAX_OPEN_WITHDRAWALS } from '../limits.ts'
import { errorOf } from '../testing/error-answer.ts'
import { CREDIT_MSAT, startEdge, type TestEdge } from '../testing/test-edge.ts'

const NODE = { pubkey: `02${'11'.repeat(32)}`, network: 'regtest', simulated: true }
const PATH = '/v1/billing/withdrawals'
const ADDRESS = 'ada@example.com'

async function paidEdge(): Promise<TestEdge> {
  const edge = await startEdge()
  await edge.billing.runs(NODE)
  return edge
}
const post = (edge: TestEdge, body: unknown, headers: Record<string, string> = {}) =>
  edge.request(PATH, { method: 'POST', body: JSON.stringify(body), headers })
const read = async (response: Response) => COMPONENTS.Withdrawal.parse(await response.json())
async function order(
  edge: TestEdge,
  body: unknown = { amount_sat: 10, lightning_address: ADDRESS },
) {
  const response = await post(edge, body)
  expect(response.status).toBe(201)
  return read(response)
}
const draftAt = (edge: TestEdge): InvoiceDraft => ({
  network: 'regtest',
  amountMsat: 5_000n,
  timestamp: Math.floor(edge.clock.now() / 1000),
  expirySeconds: 3_600,
  paymentHash: SPEC_PAYMENT_HASH,
  paymentSecret: SPEC_PAYMENT_SECRET,
  description: { kind: 'text', text: 'withdrawal' },
})
const signed = (draft: InvoiceDraft) => encodeInvoice(draft, Buffer.from(SPEC_PRIVATE_KEY, 'hex'))
const invoiceAt = (edge: TestEdge, changes: Partial<InvoiceDraft> = {}) =>
  signed({ ...draftAt(edge), ...changes })
/** The settler's part: has all that waits told to the live balances. */
const settle = (edge: TestEdge) => applyTransfers(edge, [...edge.billing.transfers.keys()])

describe('POST /v1/billing/withdrawals', () => {
  it('orders a payment with its fee reserve, and takes nothing itself', async () => {
    const edge = await paidEdge()
    let woken = 0
    edge.onWake = () => void woken++
    const response = await post(edge, { amount_sat: 500, lightning_address: ' Ada@Example.com' })
    expect(response.status).toBe(201)
    expect(await response.json()).toEqual({
      id: expect.stringMatching(/^wd_[0-9a-f]{32}$/),
      object: 'billing.withdrawal',
      status: 'requested',
      created: expect.any(Number),
      amount_msat: '500000',
      amount_sat: 500,
      fee_reserve_msat: '2500',
      invoice: null,
      lightning_address: ADDRESS,
      fee_msat: null,
      preimage: null,
      failure: null,
      network: 'regtest',
      simulated: true,
      notice: 'SIMULATED: no real money.',
    })
    expect(woken).toBe(1)
    expect((await edge.balance()).availableMsat).toBe(CREDIT_MSAT)
    expect([...edge.billing.transfers.values()]).toMatchObject([{ amountMsat: -502_500n }])
  })

  it('takes the amount from the invoice, and reserves at least a satoshi', async () => {
    const edge = await paidEdge()
    const invoice = invoiceAt(edge)
    expect(await order(edge, { invoice })).toMatchObject({
      amount_msat: '5000',
      fee_reserve_msat: '1000',
      invoice,
      lightning_address: null,
    })
    await order(edge, { invoice, amount_msat: '5000' })
  })

  it('orders once under a key, also when the invoice has run out since', async () => {
    const edge = await paidEdge()
    const headers = { 'idempotency-key': 'k' }
    const body = { invoice: invoiceAt(edge) }
    const answers = await Promise.all([1, 2, 3].map(() => post(edge, body, headers)))
    const ids = await Promise.all(answers.map(async (answer) => (await read(answer)).id))
    expect(new Set(ids).size).toBe(1)
    expect(edge.billing.transfers.size).toBe(1)
    edge.clock.advance(7_200_000)
    await edge.billing.runs(undefined)
    const again = await post(edge, body, headers)
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect((await read(again)).id).toBe(ids[0])
    for (const other of [
      { amount_sat: 5, lightning_address: ADDRESS },
      { invoice: invoiceAt(edge, { amountMsat: 6_000n }) },
    ]) {
      const refused = { status: 409, code: 'idempotency_key_reused' }
      expect(await errorOf(await post(edge, other, headers))).toMatchObject(refused)
    }
  })

  it('says how much is missing, the fee reserve included', async () => {
    const edge = await paidEdge()
    const body = { amount_msat: String(CREDIT_MSAT), lightning_address: ADDRESS }
    const response = await post(edge, body)
    expect(response.headers.get('x-should-retry')).toBe('false')
    const refusal = await errorOf(response)
    expect(refusal).toMatchObject({ status: 402, code: 'insufficient_credit' })
    expect(refusal.message).toContain('5000 msat (5 sat) are missing')
    expect(edge.billing.withdrawals.size).toBe(0)
  })

  it.each<[string, (edge: TestEdge) => Record<string, unknown>, string | null]>([
    ['no destination', () => ({ amount_sat: 1 }), 'invoice'],
    [
      'two destinations',
      (edge) => ({ invoice: invoiceAt(edge), lightning_address: ADDRESS }),
      'invoice',
    ],
    ['an address without an amount', () => ({ lightning_address: ADDRESS }), 'amount_sat'],
    ['no address', () => ({ amount_sat: 1, lightning_address: 'ada' }), 'lightning_address'],
    [
      'an address of an address',
      () => ({ amount_sat: 1, lightning_address: 'ada@127.0.0.1' }),
      'lightning_address',
    ],
    ['too little', () => ({ amount_msat: '999', lightning_address: ADDRESS }), null],
    ['nonsense', () => ({ invoice: 'lnbcrt1nonsense' }), 'invoice'],
    ['another amount', (edge) => ({ invoice: invoiceAt(edge), amount_sat: 6 }), 'invoice'],
    [
      'another network',
      (edge) => ({ invoice: invoiceAt(edge, { network: 'mainnet' }) }),
      'invoice',
    ],
    [
      'too short a time',
      (edge) => ({ invoice: invoiceAt(edge, { expirySeconds: 300 }) }),
      'invoice',
    ],
    ['a long lock', (edge) => ({ invoice: invoiceAt(edge, { minFinalCltv: 1_000 }) }), 'invoice'],
  ])('refuses %s', async (_what, bodyOf, param) => {
    const edge = await paidEdge()
    expect(await errorOf(await post(edge, bodyOf(edge)))).toMatchObject({ status: 400, param })
    expect(edge.billing.withdrawals.size).toBe(0)
  })

  it('refuses an invoice without an amount, and our own', async () => {
    const edge = await paidEdge()
    const { amountMsat: _, ...draft } = draftAt(edge)
    const open = signed(draft)
    const refused = { status: 400, code: 'invalid_invoice' }
    expect(await errorOf(await post(edge, { invoice: open }))).toMatchObject(refused)
    await edge.billing.runs({ ...NODE, pubkey: SPEC_PAYEE })
    const own = await errorOf(await post(edge, { invoice: invoiceAt(edge) }))
    expect(own).toMatchObject(refused)
  })

  it('orders nothing while no settler runs, nor for a key with a budget', async () => {
    const edge = await startEdge()
    const body = { amount_sat: 1, lightning_address: ADDRESS }
    expect(await errorOf(await post(edge, body))).toMatchObject({ code: 'settler_unavailable' })
    await edge.billing.runs(NODE)
    const made = await edge.operate(`/operator/accounts/${edge.account}/keys`, {
      name: 'small',
      budget_msat_per_day: '5000',
    })
    const { key } = (await made.json()) as { key: string }
    const init = { method: 'POST', body: JSON.stringify(body), key }
    expect(await errorOf(await edge.request(PATH, init))).toMatchObject({
      status: 403,
      code: 'key_may_not_withdraw',
    })
    expect(edge.billing.withdrawals.size).toBe(0)
  })

  it('has a bounded number under way', async () => {
    const edge = await paidEdge()
    for (let n = 0; n < MAX_OPEN_WITHDRAWALS; n++) await order(edge)
    const body = { amount_sat: 10, lightning_address: ADDRESS }
    expect(await errorOf(await post(edge, body))).toMatchObject({ status: 429 })
    const [first] = edge.billing.withdrawals.keys()
    await edge.billing.transferEnded(`wd:${first}`, 'refused')
    await order(edge)
  })
})

describe('a withdrawal', () => {
  const statusOf = async (edge: TestEdge, id: string) => read(await edge.request(`${PATH}/${id}`))

  it('is shown from order to proof, and what routing left comes back', async () => {
    const edge = await paidEdge()
    const { id } = await order(edge)
    await settle(edge)
    expect(await statusOf(edge, id)).toMatchObject({ status: 'funded' })
    expect((await edge.balance()).availableMsat).toBe(CREDIT_MSAT - 11_000)
    await edge.billing.paying(id)
    expect(await statusOf(edge, id)).toMatchObject({ status: 'paying' })
    await edge.billing.succeeded(id, 'proof', 40n)
    await settle(edge)
    const paid = { status: 'succeeded', preimage: 'proof', fee_msat: '40', failure: null }
    expect(await statusOf(edge, id)).toMatchObject(paid)
    expect((await edge.balance()).availableMsat).toBe(CREDIT_MSAT - 10_040)
  })

  it('gives all of it back when it fails, and none when it was refused', async () => {
    const edge = await paidEdge()
    const failing = await order(edge)
    await settle(edge)
    await edge.billing.failed(failing.id, 'no_route')
    await settle(edge)
    const failed = { status: 'failed', failure: 'no_route', preimage: null }
    expect(await statusOf(edge, failing.id)).toMatchObject(failed)
    expect((await edge.balance()).availableMsat).toBe(CREDIT_MSAT)
    const all = { amount_msat: '900000', lightning_address: ADDRESS }
    const [first, second] = [await order(edge, all), await order(edge, all)]
    await settle(edge)
    const statuses = await Promise.all([first, second].map(({ id }) => statusOf(edge, id)))
    expect(statuses.map(({ status }) => status).toSorted()).toEqual(['funded', 'refused'])
    const refused = statuses.find(({ status }) => status === 'refused')
    expect(refused?.failure).toBe('insufficient_credit')
    expect((await edge.balance()).availableMsat).toBe(CREDIT_MSAT - 904_500)
  })

  it('is its account’s own, and listed there', async () => {
    const edge = await paidEdge()
    const { id } = await order(edge)
    const key = edge.addKey(newAccountId(9))
    const missing = { status: 404, code: 'withdrawal_not_found' }
    expect(await errorOf(await edge.request(`${PATH}/${id}`, { key }))).toMatchObject(missing)
    expect(await errorOf(await edge.request(`${PATH}/x`))).toMatchObject(missing)
    const list = await (await edge.request(PATH)).json()
    expect(COMPONENTS.WithdrawalList.parse(list).data.map((row) => row.id)).toEqual([id])
    expect(await (await edge.request(PATH, { key })).json()).toEqual({ object: 'list', data: [] })
  })

  it('never makes or loses money, however orders, ends and top-ups interleave', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('withdraw' as const), sat: fc.integer({ min: 1, max: 700 }) }),
      fc.record({ do: fc.constant('top-up' as const), sat: fc.integer({ min: 1, max: 100 }) }),
      fc.record({ do: fc.constant('tell' as const), times: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ do: fc.constant('end' as const), fee: fc.bigInt({ min: 0n, max: 1_000n }) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const edge = await paidEdge()
        const { billing } = edge
        let expected = CREDIT_MSAT
        for (const next of steps) {
          if (next.do === 'withdraw') {
            await post(edge, { amount_sat: next.sat, lightning_address: ADDRESS })
          } else if (next.do === 'top-up') {
            billing.tell(`inv:${billing.transfers.size}`, edge.account, BigInt(next.sat) * 1000n)
          } else if (next.do === 'tell') {
            await Promise.all(Array.from({ length: next.times }, () => settle(edge)))
          } else {
            for (const { id, payout } of billing.withdrawals.values()) {
              if (payout !== undefined || billing.transfers.get(`wd:${id}`)?.state !== 'done')
                continue
              if (next.fee % 2n === 0n) await billing.succeeded(id, 'proof', next.fee)
              else await billing.failed(id, 'no_route')
            }
          }
        }
        await settle(edge)
        for (const { amountMsat, state } of billing.transfers.values()) {
          if (state === 'done') expected += Number(amountMsat)
        }
        const { availableMsat } = await edge.balance()
        expect(availableMsat).toBe(expected)
        expect(availableMsat).toBeGreaterThanOrEqual(0)
      }),
      { numRuns: 20 },
    )
  })
})
