import type { InvoiceRequest } from '@infernet/schemas/wire'
import { derivePreimage } from '@infernet/settlement/intake/derived-preimage'
import type { LightningBackend, NodeInfo } from '@infernet/settlement/lightning/lightning-backend'
import {
  LightningError,
  type LightningErrorCode,
} from '@infernet/settlement/lightning/lightning-error'
import { INVOICE_EXPIRY_SECONDS, MAX_INVOICES_AT_ONCE, MAX_INVOICES_PER_DAY } from '../limits.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** Why an invoice is refused, in words that the edge may see: nothing in them is secret. */
export class InvoiceRefusal extends Error {
  override readonly name = 'InvoiceRefusal'
  readonly code = 'invoice_refused'
}

export interface InvoiceIssuerOptions {
  /** Opens the owner's node; asked again when it failed. */
  readonly open: () => Promise<LightningBackend>
  /** Preimages are derived from it: whoever has it can take what is paid to us, on its way. */
  readonly key: Uint8Array
  /** The monotonic clock, in ms: nobody begins a new day by setting the other. */
  readonly now: () => number
}

type Node = Pick<LightningBackend, 'addInvoice' | 'info' | 'close'>

/** Gives invoices of the owner's node: for a payout and an attempt always the same one. */
export class InvoiceIssuer {
  readonly #options: InvoiceIssuerOptions
  #node: Promise<Node> | undefined
  #running = 0
  #day = 0
  /** What was asked for on this day, counted from the start. */
  #today = new Set<string>()

  constructor(options: InvoiceIssuerOptions) {
    this.#options = options
  }

  /** Throws what the node says when it cannot be used. */
  async info(): Promise<NodeInfo> {
    return (await this.#opened()).info()
  }

  /** Resolves with the invoice. Throws {@link InvoiceRefusal}, its cause being for the owner. */
  async issue({ payout, attempt, amount_msat }: InvoiceRequest): Promise<string> {
    if (this.#running >= MAX_INVOICES_AT_ONCE)
      throw new InvoiceRefusal(`${MAX_INVOICES_AT_ONCE} invoices are being made already`)
    this.#count(`${payout}|${attempt}`)
    this.#running++
    try {
      const node = await this.#opened()
      const { bolt11 } = await node.addInvoice({
        preimage: derivePreimage(this.#options.key, {
          purpose: 'agent-payout',
          id: payout,
          attempt,
        }),
        amountMsat: BigInt(amount_msat),
        memo: `infernet ${payout}`,
        expirySeconds: INVOICE_EXPIRY_SECONDS,
        // Many providers have no channel that the network knows of.
        private: true,
      })
      return bolt11
    } catch (cause) {
      throw new InvoiceRefusal(reasonOf(cause), { cause })
    } finally {
      this.#running--
    }
  }

  async close(): Promise<void> {
    const node = await this.#node?.catch(() => undefined)
    node?.close()
  }

  /** The same invoice again costs nothing; too many new ones would fill the node, which keeps all. */
  #count(name: string): void {
    const day = Math.floor(this.#options.now() / DAY_MS)
    if (day !== this.#day) this.#today.clear()
    this.#day = day
    if (!this.#today.has(name) && this.#today.size >= MAX_INVOICES_PER_DAY)
      throw new InvoiceRefusal(`no more than ${MAX_INVOICES_PER_DAY} invoices a day`)
    this.#today.add(name)
  }

  #opened(): Promise<Node> {
    this.#node ??= this.#options.open().catch((error: unknown) => {
      this.#node = undefined
      throw error
    })
    return this.#node
  }
}

const REASONS: Readonly<Partial<Record<LightningErrorCode, string>>> = {
  unavailable: 'its Lightning node cannot be reached',
  timeout: 'its Lightning node did not answer in time',
  permission: 'its macaroon does not allow it to make invoices',
  conflict: 'another amount was asked for under this payout and attempt',
}

const reasonOf = (error: unknown): string =>
  (error instanceof LightningError ? REASONS[error.code] : undefined) ??
  'its Lightning node made no invoice'
