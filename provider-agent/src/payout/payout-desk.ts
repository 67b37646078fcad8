import type { InvoiceAnswer, InvoiceRequest, Payout } from '@infernet/schemas/wire'
import type { EventLog } from '../events.ts'
import { InvoiceRefusal, type InvoiceIssuer } from './invoice-issuer.ts'
import { payoutText, payoutTimeText } from './payout-plan.ts'

export interface PayoutDeskOptions {
  /** Signed; undefined: the earnings wait at the edge. */
  readonly payout: Payout | undefined
  /** Of the owner's own node, if that is where they go. */
  readonly issuer: InvoiceIssuer | undefined
  readonly events: EventLog
}

/** What the agent says about its earnings: to the owner where they go, to the edge the invoices. */
export class PayoutDesk {
  readonly #options: PayoutDeskOptions

  constructor(options: PayoutDeskOptions) {
    this.#options = options
  }

  get payout(): Payout | undefined {
    return this.#options.payout
  }

  /** Tells the owner where the earnings go, and soon whether the node is there. */
  announce(): void {
    const { payout, issuer, events } = this.#options
    if (payout === undefined) return events.emit({ event: 'payout_unset' })
    events.emit({ event: 'payout', to: payoutText(payout), when: payoutTimeText(payout) })
    if (issuer !== undefined) void this.#announceNode(issuer)
  }

  /** Answers the edge. Never rejects: what is wrong is in the answer, and in the log. */
  async reply(request: InvoiceRequest): Promise<InvoiceAnswer> {
    const { issuer, events } = this.#options
    const { id, payout, attempt, amount_msat } = request
    try {
      if (issuer === undefined) throw new InvoiceRefusal('this agent gives no invoices')
      const bolt11 = await issuer.issue(request)
      events.emit({ event: 'invoice_issued', payout, attempt, amount_msat })
      return { id, bolt11 }
    } catch (error) {
      const isRefusal = error instanceof InvoiceRefusal
      const reason = isRefusal ? error.message : 'this agent could not make an invoice'
      const message = isRefusal && error.cause === undefined ? reason : messageOf(error)
      events.emit({ event: 'invoice_refused', payout, attempt, message })
      return { id, error: reason }
    }
  }

  async close(): Promise<void> {
    await this.#options.issuer?.close()
  }

  async #announceNode(issuer: InvoiceIssuer): Promise<void> {
    const { events } = this.#options
    try {
      const { pubkey, alias, network, simulated } = await issuer.info()
      events.emit({ event: 'payout_node', pubkey, alias, network, simulated })
    } catch (error) {
      events.emit({ event: 'payout_trouble', message: messageOf(error) })
    }
  }
}

/** The innermost that says something: for the owner only. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
