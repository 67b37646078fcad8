import { decodeInvoice } from '../../bolt11/decode-invoice.ts'
import type { DecodedInvoice } from '../../bolt11/invoice.ts'
import type { SimChannels } from './sim-channels.ts'
import { alreadyExists, unknownError } from './sim-errors.ts'
import type { IncomingHtlc, Reception } from './sim-invoice-book.ts'
import type { SimNodeState, SimPayment } from './sim-state.ts'

/** LND's default `time_lock_delta` of a hop in between, in blocks. */
const HOP_CLTV_DELTA = 80
const FINAL_CLTV_DELTA = 80
const MAX_PAYMENTS = 20_000

export interface SimPaymentSurroundings {
  readonly pubkey: string
  readonly channels: SimChannels
  now(): number
  deliver(payee: string, incoming: IncomingHtlc): Reception
  changed(): void
}

export interface SimPaymentRequest {
  /** Empty for keysend. */
  readonly bolt11: string
  readonly amountMsat: bigint
  readonly feeLimitMsat: bigint
  /** 0 is none. */
  readonly cltvLimit: number
  readonly keysend?: {
    readonly dest: string
    readonly preimage: string
    readonly paymentHash: string
  }
}

interface Aim {
  readonly paymentHash: string
  readonly payee: string
  readonly amountMsat: bigint
  readonly finalCltv: number
  readonly proof: IncomingHtlc['proof']
}

/** The payments of one simulated node: at most one under way or succeeded per hash, as in LND. */
export class SimPayments {
  readonly watchers = new Set<(payment: SimPayment) => void>()
  readonly #state: SimNodeState
  readonly #around: SimPaymentSurroundings
  readonly #byHash: Map<string, SimPayment>

  constructor(state: SimNodeState, around: SimPaymentSurroundings) {
    this.#state = state
    this.#around = around
    this.#byHash = new Map(state.payments.map((payment) => [payment.paymentHash, payment]))
  }

  all(): readonly SimPayment[] {
    return this.#state.payments
  }

  find(paymentHash: string): SimPayment | undefined {
    return this.#byHash.get(paymentHash)
  }

  /** Sends; the payment may be over when this returns. Throws what LND's SendPaymentV2 answers. */
  pay(request: SimPaymentRequest): SimPayment {
    const aim = this.#aim(request)
    const earlier = this.find(aim.paymentHash)
    if (earlier?.status === 'SUCCEEDED') throw alreadyExists('invoice is already paid')
    if (earlier?.status === 'IN_FLIGHT') throw alreadyExists('payment is in transition')
    const payment = this.#begin(aim, request.bolt11, earlier)
    const route = this.#around.channels.route(this.#around.pubkey, aim.payee, aim.amountMsat)
    const cltv = aim.finalCltv + HOP_CLTV_DELTA * ((route?.nodes.length ?? 2) - 2)
    const tooFar = request.cltvLimit > 0 && cltv > request.cltvLimit
    if (this.#around.channels.balance(this.#around.pubkey).localMsat < aim.amountMsat)
      return this.#end(payment, 'FAILURE_REASON_INSUFFICIENT_BALANCE')
    if (route === undefined || tooFar || route.feeMsat > request.feeLimitMsat)
      return this.#end(payment, 'FAILURE_REASON_NO_ROUTE')

    this.#around.channels.lock(route)
    payment.route = [...route.nodes]
    payment.feeMsat = route.feeMsat
    const reception = this.#around.deliver(aim.payee, {
      paymentHash: aim.paymentHash,
      payer: this.#around.pubkey,
      amountMsat: aim.amountMsat,
      proof: aim.proof,
    })
    if (reception.kind === 'held') this.#announce(payment)
    else this.resolve(payment, reception.kind === 'settled' ? reception.preimage : undefined)
    return payment
  }

  /** The end of a payment under way: with its preimage, or back with nothing. */
  resolve(payment: SimPayment, preimage: string | undefined): void {
    const { route, amountMsat } = payment
    this.#around.channels.release(route, amountMsat, preimage === undefined ? 'fail' : 'settle')
    if (preimage === undefined) {
      payment.feeMsat = 0n
      this.#end(payment, 'FAILURE_REASON_INCORRECT_PAYMENT_DETAILS')
      return
    }
    payment.status = 'SUCCEEDED'
    payment.preimage = preimage
    this.#announce(payment)
  }

  #aim({ keysend, bolt11, amountMsat }: SimPaymentRequest): Aim {
    if (keysend !== undefined) {
      const { paymentHash, dest: payee, preimage } = keysend
      if (amountMsat === 0n) throw unknownError('amount must be specified')
      return { paymentHash, payee, amountMsat, finalCltv: FINAL_CLTV_DELTA, proof: { preimage } }
    }
    const invoice = readInvoice(bolt11)
    if (invoice.network !== 'regtest')
      throw unknownError("invoice not for current active network 'regtest'")
    if (invoice.expiresAt <= this.#around.now())
      throw unknownError(
        `invoice expired. Valid until ${new Date(invoice.expiresAt * 1000).toISOString()}`,
      )
    if (invoice.amountMsat !== undefined && amountMsat !== 0n)
      throw unknownError('amount must not be specified when paying a non-zero amount invoice')
    if (invoice.amountMsat === undefined && amountMsat === 0n)
      throw unknownError('amount must be specified when paying a zero amount invoice')
    if (invoice.payee === this.#around.pubkey) throw unknownError('self-payments not allowed')
    return {
      paymentHash: invoice.paymentHash,
      payee: invoice.payee,
      amountMsat: invoice.amountMsat ?? amountMsat,
      finalCltv: invoice.minFinalCltv,
      proof: { secret: invoice.paymentSecret },
    }
  }

  #begin(aim: Aim, bolt11: string, earlier: SimPayment | undefined): SimPayment {
    if (this.#state.payments.length >= MAX_PAYMENTS)
      throw unknownError('the simulated node has too many payments')
    const fresh: SimPayment = {
      paymentHash: aim.paymentHash,
      bolt11,
      amountMsat: aim.amountMsat,
      feeMsat: 0n,
      createdAt: this.#around.now(),
      index: ++this.#state.lastPaymentIndex,
      status: 'IN_FLIGHT',
      failureReason: 'FAILURE_REASON_NONE',
      preimage: '',
      route: [],
    }
    // A failed payment that is tried again is the same payment under a new index.
    if (earlier !== undefined) this.#state.payments.splice(this.#state.payments.indexOf(earlier), 1)
    this.#state.payments.push(fresh)
    this.#byHash.set(fresh.paymentHash, fresh)
    return fresh
  }

  #end(payment: SimPayment, failureReason: string): SimPayment {
    payment.status = 'FAILED'
    payment.failureReason = failureReason
    this.#announce(payment)
    return payment
  }

  #announce(payment: SimPayment): void {
    this.#around.changed()
    for (const watcher of this.watchers) watcher(payment)
  }
}

function readInvoice(bolt11: string): DecodedInvoice {
  try {
    return decodeInvoice(bolt11)
  } catch (error) {
    throw unknownError(error instanceof Error ? error.message : 'invalid invoice')
  }
}
