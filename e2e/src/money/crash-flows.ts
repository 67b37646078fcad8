import { decodeInvoice } from '@infernet/settlement/bolt11/decode-invoice'
import { invoicePayment } from '@infernet/settlement/testing/payment-order'
import type { Flow } from './crash-steps.ts'
import { must, type Json, type MoneyClient } from './money-client.ts'
import { clientInvoice, FEE_LIMIT_MSAT, type TestLightning } from './test-lightning.ts'

/** Of the flows, sat: different for each, so that a mix-up would show. */
const LEAST_SAT = 300
/** More than the demo model can read. */
const UNREADABLE = 'word '.repeat(2_000)
const TRACK_MS = 1_000
const CHAT = { model: 'infernet-demo', max_tokens: 8 }
const JOB_ENDS = ['completed', 'failed', 'cancelled']

/** Asks again until the condition holds, whatever is killed meanwhile; throws when that takes too long. */
export type Until = (what: string, condition: () => Promise<boolean>) => Promise<void>

/** A client who does one thing after the other, and sees each through to its end. */
export class CrashFlows {
  readonly #client: MoneyClient
  readonly #lightning: TestLightning
  readonly #until: Until
  /** A repeated request is charged once only where the account dies with the edge that ran it: see `#request`. */
  readonly #repeats: boolean
  #flows = 0
  /** Requests that may have been charged, once each. */
  requests = 0

  constructor(parts: {
    readonly client: MoneyClient
    readonly lightning: TestLightning
    readonly until: Until
    readonly repeats: boolean
  }) {
    this.#client = parts.client
    this.#lightning = parts.lightning
    this.#until = parts.until
    this.#repeats = parts.repeats
  }

  /** Resolves when the flow has come to its end, as far as its client sees. */
  async tell(flow: Flow): Promise<void> {
    const number = ++this.#flows
    switch (flow) {
      case 'topup':
        return await this.#topUp(number)
      case 'request':
        return await this.#request(number, {})
      case 'verified':
        return await this.#request(number, { provider: { verify: 'strict' } })
      case 'withdrawal':
        return await this.#withdrawal(number, 'succeeded')
      case 'refused':
        return await this.#withdrawal(number, 'failed')
      case 'escrow':
        return await this.#escrow(number, 'hello')
      case 'unanswerable':
        return await this.#escrow(number, UNREADABLE)
      case 'withdrawn':
        return await this.#withdrawn(number)
    }
  }

  async #topUp(number: number): Promise<void> {
    const order = { amount_sat: LEAST_SAT + number }
    const headers = { 'idempotency-key': `topup-${number}` }
    const ordered = () => this.#client.ask('POST', '/billing/topups', order, headers)
    const invoice = await this.#field('the invoice is there', 'invoice', ordered)
    const id = await this.#field('the top-up is there', 'id', ordered)
    await this.#until('the invoice is paid', async () => {
      const { status } = await this.#lightning.client.pay(invoicePayment(invoice, FEE_LIMIT_MSAT))
      return status === 'succeeded'
    })
    await this.#status(`/billing/topups/${id}`, ['settled'])
  }

  /**
   * Repeated under the same key, as a client's SDK does, until it is answered, or was charged with an answer that is lost.
   * Objects of workerd keep a request's hold for minutes after its hub has died, so there each try is one of its own.
   */
  async #request(number: number, more: object): Promise<void> {
    const body = { ...CHAT, messages: [{ role: 'user', content: 'hello' }], ...more }
    this.requests++
    let tries = 0
    await this.#until('a request is answered', async () => {
      const key = this.#repeats ? `request-${number}` : `request-${number}-${++tries}`
      if (tries > 1) this.requests++
      const headers = { 'idempotency-key': key }
      const { status, json } = await this.#client.ask('POST', '/chat/completions', body, headers)
      return status === 200 || (status === 409 && codeOf(json) === 'idempotency_result_not_kept')
    })
  }

  /** To an invoice of the client's own; one that is called off cannot be paid, and the credit comes back. */
  async #withdrawal(number: number, end: 'succeeded' | 'failed'): Promise<void> {
    const bolt11 = await clientInvoice(this.#lightning, BigInt(LEAST_SAT + number) * 1000n)
    if (end === 'failed') {
      const { paymentHash } = await this.#lightning.client.decode(bolt11)
      await this.#lightning.client.cancel(paymentHash)
    }
    const headers = { 'idempotency-key': `withdrawal-${number}` }
    const id = await this.#field('the withdrawal is there', 'id', () =>
      this.#client.ask('POST', '/billing/withdrawals', { invoice: bolt11 }, headers),
    )
    await this.#status(`/billing/withdrawals/${id}`, [end])
  }

  async #escrow(number: number, content: string): Promise<void> {
    const { id, paymentHash } = await this.#order(number, content)
    await this.#status(`/jobs/${id}`, JOB_ENDS)
    await this.#paymentOver(paymentHash)
  }

  /** Taken back while its payment arrives: the job may still run, and be paid. */
  async #withdrawn(number: number): Promise<void> {
    const { id, paymentHash } = await this.#order(number, 'hello')
    await this.#until('the job is withdrawn', async () => {
      const { status } = await this.#client.ask('POST', `/jobs/${id}/cancel`)
      return status === 200 || status === 409
    })
    await this.#status(`/jobs/${id}`, JOB_ENDS)
    await this.#paymentOver(paymentHash)
  }

  /** A job of a fixed price whose payment is on its way. */
  async #order(number: number, content: string) {
    const body = { ...CHAT, messages: [{ role: 'user', content }] }
    const headers = { 'idempotency-key': `job-${number}` }
    const id = await this.#field('the job is there', 'id', () =>
      this.#client.ask('POST', '/jobs', { endpoint: '/v1/chat/completions', body }, headers),
    )
    const invoice = await this.#field('its invoice is there', 'invoice', () =>
      this.#client.ask('GET', `/jobs/${id}`),
    )
    // What becomes of it is asked for below.
    this.#lightning.client.pay(invoicePayment(invoice, FEE_LIMIT_MSAT)).catch(() => {})
    return { id, paymentHash: decodeInvoice(invoice).paymentHash }
  }

  /** Settled or given back; held for ever would be stuck. */
  async #paymentOver(paymentHash: string): Promise<void> {
    await this.#until('the payment is over', async () => {
      const { status } = await this.#lightning.client.track(paymentHash, { waitMs: TRACK_MS })
      return status === 'succeeded' || status === 'failed'
    })
  }

  async #status(path: string, wanted: readonly string[]): Promise<void> {
    await this.#until(`${path} is ${wanted.join(' or ')}`, async () => {
      const { status } = await this.#client.get(path)
      return wanted.includes(String(status))
    })
  }

  /** Asks again until there is an answer with that field. */
  async #field(
    what: string,
    name: string,
    ask: () => Promise<{ status: number; headers: Headers; json: Json }>,
  ): Promise<string> {
    let value: unknown
    await this.#until(what, async () => {
      value = must(await ask())[name]
      return typeof value === 'string'
    })
    return String(value)
  }
}

const codeOf = ({ error }: Json): unknown => (error as { code?: unknown } | undefined)?.code
