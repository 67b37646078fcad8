import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import type { PaymentPartial } from '@lightningpolar/lnd-api/dist/types/lnrpc/Payment.js'
import type { SendPaymentRequest } from '@lightningpolar/lnd-api/dist/types/routerrpc/SendPaymentRequest.js'
import type { TrackPaymentRequest } from '@lightningpolar/lnd-api/dist/types/routerrpc/TrackPaymentRequest.js'
import { KEYSEND_RECORD } from '../lnd/lnd-payments.ts'
import { streamingCall, type CallGuard, type Streaming } from './sim-calls.ts'
import { notFound, unknownError } from './sim-errors.ts'
import type { SimFault } from './sim-faults.ts'
import { paymentMessage } from './sim-messages.ts'
import type { SimNode } from './sim-network.ts'
import type { SimPaymentRequest } from './sim-payments.ts'
import { hex, msatOf } from './sim-requests.ts'
import type { SimPayment } from './sim-state.ts'

const uri = (method: string) => `/routerrpc.Router/${method}`
/** protobufjs hands out 64-bit keys as their eight bytes, little-endian, in a string. */
const keyOf = (packed: string) => Buffer.from(packed, 'latin1').readBigUInt64LE()

/** `routerrpc.Router`: payments, in the second version of its methods only. */
export function routerService(node: SimNode, guard: CallGuard): UntypedServiceImplementation {
  return {
    SendPaymentV2: streamingCall<SendPaymentRequest, PaymentPartial>(
      guard,
      uri('SendPaymentV2'),
      (request, stream, fault) => {
        const payment = node.payments.pay(paymentRequest(request))
        return followPayment(node, payment, request.noInflightUpdates, stream, fault)
      },
    ),
    TrackPaymentV2: streamingCall<TrackPaymentRequest, PaymentPartial>(
      guard,
      uri('TrackPaymentV2'),
      (request, stream, fault) => {
        const payment = node.payments.find(hex(request.paymentHash))
        if (payment === undefined) throw notFound("payment isn't initiated")
        return followPayment(node, payment, request.noInflightUpdates, stream, fault)
      },
    ),
  }
}

/** LND answers this without a macaroon. */
export function stateService(): UntypedServiceImplementation {
  return {
    GetState: (_call: unknown, reply: (error: null, state: object) => void) =>
      reply(null, { state: 'SERVER_ACTIVE' }),
  }
}

function followPayment(
  node: SimNode,
  payment: SimPayment,
  onlyFinal: boolean,
  stream: Parameters<Streaming<unknown, PaymentPartial>>[1],
  fault: SimFault | undefined,
): () => void {
  if (fault?.kind === 'end_early') stream.end()
  const send = (changed: SimPayment) => {
    if (changed !== payment) return
    const final = payment.status !== 'IN_FLIGHT'
    if (final || !onlyFinal) stream.write(paymentMessage(payment))
    if (final && fault?.kind === 'say_twice') stream.write(paymentMessage(payment))
    if (final) stream.end()
  }
  node.payments.watchers.add(send)
  send(payment)
  return () => node.payments.watchers.delete(send)
}

function paymentRequest(request: SendPaymentRequest): SimPaymentRequest {
  const preimage = Object.entries(request.destCustomRecords).find(
    ([type]) => keyOf(type) === BigInt(KEYSEND_RECORD),
  )?.[1]
  const common = {
    bolt11: request.paymentRequest,
    amountMsat: msatOf(request.amtMsat, request.amt),
    feeLimitMsat: msatOf(request.feeLimitMsat, request.feeLimitSat),
    cltvLimit: request.cltvLimit,
  }
  if (request.paymentRequest !== '') return common
  if (preimage === undefined) throw unknownError('payment request or keysend record is missing')
  const keysend = {
    dest: hex(request.dest),
    preimage: hex(preimage),
    paymentHash: hex(request.paymentHash),
  }
  return { ...common, keysend }
}
