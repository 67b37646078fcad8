import type { ListPaymentsResponse } from '@lightningpolar/lnd-api/dist/types/lnrpc/ListPaymentsResponse.js'
import type { Payment as LndPayment } from '@lightningpolar/lnd-api/dist/types/lnrpc/Payment.js'
import type { SendPaymentRequestPartial } from '@lightningpolar/lnd-api/dist/types/routerrpc/SendPaymentRequest.js'
import type { ClientReadableStream } from '@grpc/grpc-js'
import { Bolt11Error } from '../../bolt11/bolt11-error.ts'
import { decodeInvoice } from '../../bolt11/decode-invoice.ts'
import type { DecodedInvoice } from '../../bolt11/invoice.ts'
import type {
  PaymentOrder,
  PaymentOutcome,
  PaymentRecord,
  TrackOptions,
  TrackOutcome,
} from '../lightning-backend.ts'
import { LightningError } from '../lightning-error.ts'
import { amountText, count, hashBytes, publicKeyBytes } from './lnd-arguments.ts'
import { streamed, unary, type LndConnection } from './lnd-connection.ts'
import { isAlreadyExists, isInvoiceExpired, isNotFound, isServiceError } from './lnd-errors.ts'
import { hashOf, toOutcome, toPaymentRecord } from './lnd-messages.ts'

/** LND's timeout only ends new attempts; what is under way gets this much longer before we say unknown. */
const GRACE_MS = 30_000
const DEFAULT_TRACK_WAIT_MS = 60_000
/** Time to connect and get the first answer, on top of the wait that was asked for. */
const TRACK_ANSWER_MS = 10_000
/** A payment with its attempts has a few KB. */
const PAGE_SIZE = 200
/** TLV type of the preimage that a keysend carries (bLIP 3). */
export const KEYSEND_RECORD = 5_482_373_484

/**
 * The sending half of a backend, on the Router service. No error of a call is ever taken for the failure
 * of a payment: LND goes on with what it has begun, whether we listen or not.
 */
export class LndPayments {
  readonly #lnd: LndConnection

  constructor(lnd: LndConnection) {
    this.#lnd = lnd
  }

  async pay(order: PaymentOrder, signal: AbortSignal): Promise<PaymentOutcome> {
    const { paymentHash, request } = sendRequest(order)
    const limitMs = order.timeoutSeconds * 1000 + GRACE_MS
    const limited = AbortSignal.any([signal, AbortSignal.timeout(limitMs)])
    try {
      const last = await lastOf(() => this.#lnd.router.SendPaymentV2(request), limited)
      return last?.status === 'succeeded' || last?.status === 'failed'
        ? last
        : unknown(limited.aborted ? 'We stopped waiting' : 'LND ended the stream too early')
    } catch (error) {
      if (!isServiceError(error)) throw error
      if (isAlreadyExists(error)) return await this.#began(paymentHash, signal, limitMs)
      if (isInvoiceExpired(error)) return await this.#expired(paymentHash, signal, limitMs)
      return unknown(error.details)
    }
  }

  async track(paymentHash: string, options: TrackOptions = {}): Promise<TrackOutcome> {
    const waitMs = options.waitMs ?? DEFAULT_TRACK_WAIT_MS
    const request = { paymentHash: hashBytes(paymentHash), noInflightUpdates: false }
    const answered = new AbortController()
    const limited = AbortSignal.any([
      AbortSignal.timeout(waitMs + TRACK_ANSWER_MS),
      answered.signal,
      ...(options.signal === undefined ? [] : [options.signal]),
    ])
    let timer: NodeJS.Timeout | undefined
    try {
      const open = () => this.#lnd.router.TrackPaymentV2(request)
      const last = await lastOf(open, limited, () => {
        timer ??= setTimeout(() => answered.abort(), waitMs)
      })
      return last ?? unknown(limited.aborted ? 'We stopped waiting' : 'LND said nothing')
    } catch (error) {
      if (!isServiceError(error)) throw error
      return isNotFound(error) ? { status: 'not_found' } : unknown(error.details)
    } finally {
      clearTimeout(timer)
    }
  }

  async *list(index: bigint, signal: AbortSignal): AsyncGenerator<PaymentRecord, void> {
    for (let offset = index; !signal.aborted;) {
      const page = await unary<ListPaymentsResponse>((options, done) =>
        this.#lnd.lightning.ListPayments(
          { includeIncomplete: true, indexOffset: String(offset), maxPayments: PAGE_SIZE },
          options,
          done,
        ),
      )
      yield* page.payments.map(toPaymentRecord)
      if (page.payments.length < PAGE_SIZE) return
      offset = BigInt(page.lastIndexOffset)
    }
  }

  /** LND knows the hash: whatever became of it is the outcome of this order too. */
  async #began(paymentHash: string, signal: AbortSignal, waitMs: number): Promise<PaymentOutcome> {
    const outcome = await this.track(paymentHash, { signal, waitMs })
    return outcome.status === 'not_found' ? unknown('LND had it and then had not') : outcome
  }

  /**
   * LND looks at the date before anything else, so an earlier attempt may have been made. If there was
   * none, none can come: whatever is still on its way is refused for the same reason.
   */
  async #expired(
    paymentHash: string,
    signal: AbortSignal,
    waitMs: number,
  ): Promise<PaymentOutcome> {
    const outcome = await this.track(paymentHash, { signal, waitMs })
    return outcome.status === 'not_found'
      ? { status: 'failed', reason: 'invoice_expired' }
      : outcome
  }
}

const unknown = (reason: string): PaymentOutcome => ({ status: 'unknown', reason })

/** The last state that a stream of payment updates reports; it may say the end twice. */
async function lastOf(
  open: () => ClientReadableStream<LndPayment>,
  signal: AbortSignal,
  onUpdate: () => void = () => {},
): Promise<PaymentOutcome | undefined> {
  let last: PaymentOutcome | undefined
  for await (const message of streamed(open, signal)) {
    last = toOutcome(message)
    if (last.status !== 'in_flight') return last
    onUpdate()
  }
  return last
}

function sendRequest(order: PaymentOrder): {
  paymentHash: string
  request: SendPaymentRequestPartial
} {
  const limits = {
    feeLimitMsat: amountText(order.feeLimitMsat),
    timeoutSeconds: count(order.timeoutSeconds),
    cltvLimit: count(order.cltvLimit),
    noInflightUpdates: true,
  }
  const { to } = order
  if (to.kind === 'bolt11') {
    const invoice = decodedOrInvalid(to.bolt11)
    if ((invoice.amountMsat === undefined) !== (to.amountMsat !== undefined))
      throw new LightningError(
        'invalid',
        'An amount is given for an invoice without one, and only then',
      )
    return {
      paymentHash: invoice.paymentHash,
      request: {
        ...limits,
        paymentRequest: to.bolt11,
        maxParts: count(order.maxParts),
        ...(to.amountMsat === undefined ? {} : { amtMsat: amountText(to.amountMsat) }),
      },
    }
  }
  const preimage = hashBytes(to.preimage)
  const paymentHash = hashOf(to.preimage)
  return {
    paymentHash,
    request: {
      ...limits,
      dest: publicKeyBytes(to.pubkey),
      amtMsat: amountText(to.amountMsat),
      paymentHash: hashBytes(paymentHash),
      destCustomRecords: { [KEYSEND_RECORD]: preimage },
      destFeatures: ['TLV_ONION_REQ'],
      // Keysend cannot be split.
      maxParts: 1,
    },
  }
}

export function decodedOrInvalid(bolt11: string): DecodedInvoice {
  try {
    return decodeInvoice(bolt11)
  } catch (cause) {
    if (!(cause instanceof Bolt11Error)) throw cause
    throw new LightningError('invalid', cause.message, { cause })
  }
}
