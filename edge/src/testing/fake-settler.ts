import { createHash } from 'node:crypto'
import { encodeInvoice } from '@infernet/settlement/bolt11/encode-invoice'
import type { TestEdge } from './test-edge.ts'

const NODE_KEY = new Uint8Array(32).fill(1)
/** Of {@link NODE_KEY}. */
const NODE = '031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f'

const bytesToHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const sha256 = (data: Uint8Array | string) =>
  new Uint8Array(createHash('sha256').update(data).digest())

/** A settler whose payers and payees are at hand: it makes real BOLT 11 invoices as soon as it is woken. */
export class FakeSettler {
  readonly edge: TestEdge
  /** By invoice. */
  readonly #orders = new Map<string, { id: string; amountMsat: bigint; preimage: string }>()
  /** Invoices made. */
  made = 0

  constructor(edge: TestEdge) {
    this.edge = edge
  }

  /** From now on somebody settles. */
  async start(): Promise<this> {
    await this.edge.billing.runs({ pubkey: NODE, network: 'regtest', simulated: true })
    this.edge.onWake = () => this.#work()
    return this
  }

  /** Pays an invoice. Its money is posted, unless `late`; the live balance is not told. */
  async pay(invoice: string, late = false): Promise<string> {
    const { preimage } = this.#order(invoice)
    if (!late) await this.credit(invoice)
    return preimage
  }

  async credit(invoice: string): Promise<void> {
    const { id, amountMsat } = this.#order(invoice)
    await this.edge.billing.settled(id, amountMsat)
  }

  #order(invoice: string) {
    const order = this.#orders.get(invoice)
    if (order === undefined) throw new Error('Nobody here has made this invoice')
    return order
  }

  async #work(): Promise<void> {
    const { billing, clock } = this.edge
    for (const { id, state, amountMsat, memo, expirySeconds } of billing.topUps.values()) {
      if (state !== 'requested') continue
      const preimage = sha256(id)
      const paymentHash = bytesToHex(sha256(preimage))
      const timestamp = Math.floor(clock.now() / 1000)
      const invoice = invoiceOf(
        { amountMsat, paymentHash, timestamp, memo, expirySeconds },
        NODE_KEY,
      )
      this.#orders.set(invoice, { id, amountMsat, preimage: bytesToHex(preimage) })
      this.made++
      await billing.opened(id, paymentHash, invoice, timestamp + expirySeconds)
    }
  }
}

/** An invoice of a client's own wallet. */
export const clientInvoice = (amountMsat: bigint, now: number, name = 'wallet'): string =>
  invoiceOf(
    {
      amountMsat,
      paymentHash: bytesToHex(sha256(sha256(name))),
      timestamp: Math.floor(now / 1000),
      memo: 'rest',
      expirySeconds: 3600,
    },
    new Uint8Array(32).fill(2),
  )

function invoiceOf(
  draft: {
    amountMsat: bigint
    paymentHash: string
    timestamp: number
    memo: string
    expirySeconds: number
  },
  key: Uint8Array,
): string {
  const { memo, ...fields } = draft
  const description = { kind: 'text', text: memo } as const
  return encodeInvoice(
    { network: 'regtest', paymentSecret: '3'.repeat(64), description, ...fields },
    key,
  )
}
