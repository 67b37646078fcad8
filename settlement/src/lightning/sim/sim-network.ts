import { randomBytes } from 'node:crypto'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { SimChannels } from './sim-channels.ts'
import { SimInvoiceBook } from './sim-invoice-book.ts'
import { SimPayments } from './sim-payments.ts'
import { emptyNetwork, readState, writeState } from './sim-state.ts'
import type { SimNetworkState, SimNodeState } from './sim-state.ts'

export interface SimNetworkOptions {
  /** Unix milliseconds; the system's clock by default. */
  readonly now?: () => number
  /** Where the network is kept; nowhere by default. */
  readonly stateFile?: string
}

export interface SimNode {
  readonly pubkey: string
  readonly alias: string
  readonly state: SimNodeState
  readonly invoices: SimInvoiceBook
  readonly payments: SimPayments
}

/** SIMULATED Lightning: nodes, channels and blocks as one value, changed in single synchronous steps. */
export class SimNetwork {
  readonly #state: SimNetworkState
  readonly #stateFile: string | undefined
  readonly #now: () => number
  readonly #channels: SimChannels
  readonly #nodes = new Map<string, SimNode>()
  #unsaved = false

  /** Throws `SimulationError` when the state file is not one. */
  constructor({ now = Date.now, stateFile }: SimNetworkOptions = {}) {
    this.#now = now
    this.#stateFile = stateFile
    this.#state = (stateFile === undefined ? undefined : readState(stateFile)) ?? emptyNetwork()
    this.#channels = new SimChannels(this.#state.channels)
    for (const node of this.#state.nodes) this.#host(node)
  }

  get blockHeight(): number {
    return this.#state.blockHeight
  }

  /** Unix milliseconds. */
  now(): number {
    return this.#now()
  }

  /** The node of that name, which is made if there is none. */
  node(alias: string): SimNode {
    const there = [...this.#nodes.values()].find((node) => node.alias === alias)
    if (there !== undefined) return there
    const state: SimNodeState = {
      alias,
      privateKey: bytesToHex(secp256k1.utils.randomSecretKey()),
      macaroonKey: randomBytes(32).toString('hex'),
      invoices: [],
      payments: [],
      lastAddIndex: 0n,
      lastSettleIndex: 0n,
      lastPaymentIndex: 0n,
      permissions: {},
    }
    this.#state.nodes.push(state)
    const node = this.#host(state)
    this.#saveSoon()
    return node
  }

  /** A channel, unless the two have one. */
  connect(a: SimNode, b: SimNode, aMsat: bigint, bMsat: bigint): void {
    const pair = new Set([a.pubkey, b.pubkey])
    if (this.#state.channels.some((one) => pair.has(one.a) && pair.has(one.b))) return
    this.#channels.open(a.pubkey, b.pubkey, aMsat, bMsat)
    this.#saveSoon()
  }

  balance(node: SimNode): { localMsat: bigint; remoteMsat: bigint } {
    return this.#channels.balance(node.pubkey)
  }

  mine(blocks: number): void {
    this.#state.blockHeight += blocks
    this.#saveSoon()
    this.tick()
  }

  /** Lets nodes do what time asks of them; to be called now and then, and after a clock was moved. */
  tick(): void {
    for (const node of this.#nodes.values()) node.invoices.cancelOverdue()
  }

  /** Writes the state down now, if it has changed. */
  save(): void {
    const changed = this.#unsaved
    this.#unsaved = false
    if (changed && this.#stateFile !== undefined) writeState(this.#stateFile, this.#state)
  }

  /** Once per step, when it is complete: a payment and its invoice change together or not at all. */
  #saveSoon(): void {
    if (this.#unsaved) return
    this.#unsaved = true
    queueMicrotask(() => this.save())
  }

  #host(state: SimNodeState): SimNode {
    const pubkey = bytesToHex(secp256k1.getPublicKey(Buffer.from(state.privateKey, 'hex'), true))
    const now = () => Math.floor(this.#now() / 1000)
    const changed = () => this.#saveSoon()
    const invoices = new SimInvoiceBook(state, {
      now,
      changed,
      blockHeight: () => this.blockHeight,
      resolve: (paymentHash, htlc, preimage) => {
        const payer = this.#nodes.get(htlc.payer)
        const payment = payer?.payments.find(paymentHash)
        if (payment?.status === 'IN_FLIGHT') payer?.payments.resolve(payment, preimage)
      },
    })
    const payments = new SimPayments(state, {
      pubkey,
      now,
      changed,
      channels: this.#channels,
      deliver: (payee, incoming) =>
        this.#nodes.get(payee)?.invoices.receive(incoming) ?? { kind: 'refused' },
    })
    const node = { pubkey, alias: state.alias, state, invoices, payments }
    this.#nodes.set(pubkey, node)
    return node
  }
}
