import { createHash, randomBytes } from 'node:crypto'
import { hexToBytes } from '@noble/hashes/utils.js'
import { encodeInvoice } from '../../bolt11/encode-invoice.ts'
import { notFound, unknownError } from './sim-errors.ts'
import { move } from './sim-invoice-states.ts'
import type { SimHtlc, SimInvoice, SimNodeState } from './sim-state.ts'

/** Blocks before an HTLC's end at which LND 0.21 gives up a hold invoice (`holdexpirydelta`). */
const HOLD_EXPIRY_DELTA = 18
/** LND's default, and what it adds to what it asks for, in blocks. */
const DEFAULT_CLTV = 80
const CLTV_PADDING = 3
const DEFAULT_EXPIRY_SECONDS = 86_400
/** The state is written whole at every change; a simulated node is not meant to get there. */
const MAX_INVOICES = 20_000

/** What an invoice book needs of the node and network around it. */
export interface SimSurroundings {
  /** Unix seconds. */
  now(): number
  blockHeight(): number
  /** Ends a held payment: with the preimage, or without one, back to the payer. */
  resolve(paymentHash: string, htlc: SimHtlc, preimage: string | undefined): void
  changed(): void
}

export interface NewSimInvoice {
  readonly paymentHash: string
  /** Empty for a hold invoice. */
  readonly preimage: string
  readonly memo: string
  readonly amountMsat: bigint
  readonly expirySeconds: number
  readonly cltvExpiry: number
  readonly hold: boolean
}

/** An incoming payment at its last hop. */
export interface IncomingHtlc {
  readonly paymentHash: string
  readonly payer: string
  readonly amountMsat: bigint
  /** The invoice's, or the preimage that a keysend carries. */
  readonly proof: { readonly secret: string } | { readonly preimage: string }
}

/** What becomes of it at once; `held` ends later through {@link SimSurroundings.resolve}. */
export type Reception =
  | { readonly kind: 'settled'; readonly preimage: string }
  | { readonly kind: 'held' }
  | { readonly kind: 'refused' }

/** The invoices of one simulated node. */
export class SimInvoiceBook {
  readonly watchers = new Set<(invoice: SimInvoice) => void>()
  readonly #state: SimNodeState
  readonly #around: SimSurroundings
  readonly #byHash: Map<string, SimInvoice>

  constructor(state: SimNodeState, around: SimSurroundings) {
    this.#state = state
    this.#around = around
    this.#byHash = new Map(state.invoices.map((invoice) => [invoice.paymentHash, invoice]))
  }

  all(): readonly SimInvoice[] {
    this.cancelOverdue()
    return this.#state.invoices
  }

  find(paymentHash: string): SimInvoice | undefined {
    this.cancelOverdue()
    return this.#byHash.get(paymentHash)
  }

  add(request: NewSimInvoice): SimInvoice {
    if (this.#byHash.has(request.paymentHash))
      throw unknownError('invoice with payment hash already exists')
    if (request.cltvExpiry < 0 || request.cltvExpiry > 65_535)
      throw unknownError('CLTV delta is out of range')
    const cltvExpiry = request.cltvExpiry === 0 ? DEFAULT_CLTV : request.cltvExpiry
    const expirySeconds =
      request.expirySeconds === 0 ? DEFAULT_EXPIRY_SECONDS : request.expirySeconds
    const createdAt = this.#around.now()
    const paymentSecret = randomBytes(32).toString('hex')
    const bolt11 = encodeInvoice(
      {
        network: 'regtest',
        ...(request.amountMsat === 0n ? {} : { amountMsat: request.amountMsat }),
        timestamp: createdAt,
        expirySeconds,
        paymentHash: request.paymentHash,
        paymentSecret,
        description: { kind: 'text', text: request.memo },
        minFinalCltv: cltvExpiry + CLTV_PADDING,
      },
      hexToBytes(this.#state.privateKey),
    )
    const content = { ...request, cltvExpiry, expirySeconds, createdAt, paymentSecret, bolt11 }
    return this.#insert({ ...content, keysend: false })
  }

  /** Ok when it is settled already; LND's refusals otherwise. */
  settle(preimage: string): void {
    const invoice = this.find(sha256Hex(preimage))
    if (invoice === undefined) throw unknownError('unable to locate invoice')
    if (invoice.state === 'SETTLED') return
    if (invoice.state === 'OPEN') throw unknownError('invoice still open')
    if (invoice.state === 'CANCELED') throw unknownError('invoice already canceled')
    const { htlc } = invoice
    invoice.preimage = preimage
    this.#settled(invoice)
    if (htlc !== null) this.#around.resolve(invoice.paymentHash, htlc, preimage)
    this.#announce(invoice)
  }

  cancel(paymentHash: string): void {
    const invoice = this.find(paymentHash)
    if (invoice === undefined) throw notFound('unable to locate invoice')
    if (invoice.state === 'SETTLED') throw unknownError('invoice already settled')
    if (invoice.state !== 'CANCELED') this.#cancel(invoice)
  }

  receive(incoming: IncomingHtlc): Reception {
    const invoice = this.find(incoming.paymentHash) ?? this.#keysend(incoming)
    if (invoice === undefined || !this.#accepts(invoice, incoming)) return { kind: 'refused' }
    const acceptHeight = this.#around.blockHeight()
    invoice.paidMsat = incoming.amountMsat
    invoice.htlc = {
      payer: incoming.payer,
      amountMsat: incoming.amountMsat,
      acceptHeight,
      expiryHeight: acceptHeight + invoice.cltvExpiry + CLTV_PADDING,
    }
    if (invoice.hold) move(invoice, 'hold')
    else this.#settled(invoice)
    this.#announce(invoice)
    return invoice.hold ? { kind: 'held' } : { kind: 'settled', preimage: invoice.preimage }
  }

  /** What LND does by itself: unpaid invoices end with their date, held ones before their HTLC. */
  cancelOverdue(): void {
    const now = this.#around.now()
    const lastHeight = this.#around.blockHeight() + HOLD_EXPIRY_DELTA
    for (const invoice of this.#state.invoices) {
      const expired = invoice.state === 'OPEN' && invoice.createdAt + invoice.expirySeconds <= now
      const ending = invoice.state === 'ACCEPTED' && (invoice.htlc?.expiryHeight ?? 0) <= lastHeight
      if (expired || ending) this.#cancel(invoice)
    }
  }

  #accepts(invoice: SimInvoice, { amountMsat, proof }: IncomingHtlc): boolean {
    if (invoice.state !== 'OPEN' || amountMsat < invoice.amountMsat) return false
    return invoice.keysend || ('secret' in proof && proof.secret === invoice.paymentSecret)
  }

  #keysend({ paymentHash, amountMsat, proof }: IncomingHtlc): SimInvoice | undefined {
    if (!('preimage' in proof) || sha256Hex(proof.preimage) !== paymentHash) return undefined
    return this.#insert({
      paymentHash,
      preimage: proof.preimage,
      paymentSecret: '',
      bolt11: '',
      memo: '',
      amountMsat,
      hold: false,
      keysend: true,
      cltvExpiry: DEFAULT_CLTV,
      createdAt: this.#around.now(),
      expirySeconds: DEFAULT_EXPIRY_SECONDS,
    })
  }

  #insert(
    content: Omit<
      SimInvoice,
      'state' | 'addIndex' | 'settleIndex' | 'settledAt' | 'paidMsat' | 'htlc'
    >,
  ) {
    if (this.#state.invoices.length >= MAX_INVOICES)
      throw unknownError('the simulated node has too many invoices')
    const invoice: SimInvoice = {
      ...content,
      state: 'OPEN',
      addIndex: ++this.#state.lastAddIndex,
      settleIndex: 0n,
      settledAt: 0,
      paidMsat: 0n,
      htlc: null,
    }
    this.#state.invoices.push(invoice)
    this.#byHash.set(invoice.paymentHash, invoice)
    this.#announce(invoice)
    return invoice
  }

  #settled(invoice: SimInvoice): void {
    move(invoice, 'settle')
    invoice.settleIndex = ++this.#state.lastSettleIndex
    invoice.settledAt = this.#around.now()
  }

  #cancel(invoice: SimInvoice): void {
    const { htlc } = invoice
    move(invoice, 'cancel')
    invoice.paidMsat = 0n
    if (htlc !== null) this.#around.resolve(invoice.paymentHash, htlc, undefined)
    this.#announce(invoice)
  }

  #announce(invoice: SimInvoice): void {
    this.#around.changed()
    for (const watcher of this.watchers) watcher(invoice)
  }
}

export const sha256Hex = (hex: string): string =>
  createHash('sha256').update(Buffer.from(hex, 'hex')).digest('hex')
