import type { InvoiceAnswer, InvoiceRequest, Payout, PayoutWishes } from '@infernet/schemas/wire'
import type { EventLog } from '../events.ts'
import { NODE_RETRY_MS, NODE_WAIT_MS } from '../limits.ts'
import { InvoiceRefusal, type InvoiceIssuer } from './invoice-issuer.ts'
import { payoutText, payoutTimeText } from './payout-plan.ts'

export interface PayoutDeskOptions {
  /** Undefined: the earnings wait at the edge. */
  readonly wishes: PayoutWishes | undefined
  /** With the agent's key, as of now. */
  readonly sign: (wishes: PayoutWishes) => Payout
  /** Of the owner's own node, if that is where they go. */
  readonly issuer: Pick<InvoiceIssuer, 'info' | 'issue' | 'close'> | undefined
  readonly events: EventLog
  /** Resolves after so long, or when the signal ends it. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

/**
 * What the agent says about its earnings: to the owner where they go, to the edge the same signed, and
 * the invoices. Of an own node it signs the key: invoices of no other are paid then, whoever passes
 * them on. So nothing is signed before the node has once answered.
 */
export class PayoutDesk {
  readonly #options: PayoutDeskOptions
  readonly #closing = new AbortController()
  #payout: Payout | undefined

  constructor(options: PayoutDeskOptions) {
    this.#options = options
    const { wishes, issuer, sign } = options
    if (wishes !== undefined && issuer === undefined) this.#payout = sign(wishes)
  }

  /** What the edge is told; undefined: nothing, or nothing yet. */
  get payout(): Payout | undefined {
    return this.#payout
  }

  /**
   * Tells the owner where the earnings go and whether the node is there. Resolves when the edge can be
   * told, or all the same when the node takes its time: `changed` is called once it has answered.
   */
  async announce(changed: () => void): Promise<void> {
    const { wishes, issuer, events, sleep } = this.#options
    if (wishes === undefined) return events.emit({ event: 'payout_unset' })
    events.emit({ event: 'payout', to: payoutText(wishes), when: payoutTimeText(wishes) })
    if (issuer === undefined) return
    await Promise.race([
      this.#meetNode(wishes, issuer, changed),
      sleep(NODE_WAIT_MS, this.#closing.signal),
    ])
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
    this.#closing.abort()
    await this.#options.issuer?.close()
  }

  /** Asks the node who it is until it answers, and signs for it. The owner hears once that it does not. */
  async #meetNode(
    wishes: PayoutWishes,
    issuer: Pick<InvoiceIssuer, 'info'>,
    changed: () => void,
  ): Promise<void> {
    const { events, sign, sleep } = this.#options
    const { signal } = this.#closing
    for (let isNews = true; !signal.aborted; isNews = false) {
      try {
        const { pubkey, alias, network, simulated } = await issuer.info()
        events.emit({ event: 'payout_node', pubkey, alias, network, simulated })
        this.#payout = sign({ ...wishes, to: { kind: 'invoice', pubkey } })
        return changed()
      } catch (error) {
        if (isNews) events.emit({ event: 'payout_trouble', message: messageOf(error) })
        await sleep(NODE_RETRY_MS, signal)
      }
    }
  }
}

/** The innermost that says something: for the owner only. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
