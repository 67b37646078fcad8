import { randomBytes } from 'node:crypto'
import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import type { BakeMacaroonRequest } from '@lightningpolar/lnd-api/dist/types/lnrpc/BakeMacaroonRequest.js'
import type { Invoice, InvoicePartial } from '@lightningpolar/lnd-api/dist/types/lnrpc/Invoice.js'
import type { InvoiceSubscription } from '@lightningpolar/lnd-api/dist/types/lnrpc/InvoiceSubscription.js'
import type { ListInvoiceRequest } from '@lightningpolar/lnd-api/dist/types/lnrpc/ListInvoiceRequest.js'
import type { ListPaymentsRequest } from '@lightningpolar/lnd-api/dist/types/lnrpc/ListPaymentsRequest.js'
import type { PayReqString } from '@lightningpolar/lnd-api/dist/types/lnrpc/PayReqString.js'
import { Bolt11Error } from '../../bolt11/bolt11-error.ts'
import { decodeInvoice } from '../../bolt11/decode-invoice.ts'
import { SIMULATED_MARK } from '../simulated-mark.ts'
import { streamingCall, unaryCall, type CallGuard } from './sim-calls.ts'
import { unknownError } from './sim-errors.ts'
import { sha256Hex } from './sim-invoice-book.ts'
import { invoiceMessage, paymentMessage } from './sim-messages.ts'
import { bake } from './sim-macaroons.ts'
import type { SimNetwork, SimNode } from './sim-network.ts'
import { addedInvoice, hex, newInvoice, watchInvoices } from './sim-requests.ts'
import { SIMULATED_VERSION } from './simulated.ts'

/** LND's default page. */
const DEFAULT_PAGE = 100

const uri = (method: string) => `/lnrpc.Lightning/${method}`
const amount = (msat: bigint) => ({ sat: String(msat / 1000n), msat: String(msat) })

/** `lnrpc.Lightning`, as far as the backend uses it. */
export function lightningService(
  network: SimNetwork,
  node: SimNode,
  guard: CallGuard,
): UntypedServiceImplementation {
  return {
    GetInfo: unaryCall(guard, uri('GetInfo'), () => ({
      identityPubkey: node.pubkey,
      alias: `${node.alias} (${SIMULATED_MARK})`,
      version: SIMULATED_VERSION,
      blockHeight: network.blockHeight,
      syncedToChain: true,
      syncedToGraph: true,
      chains: [{ chain: 'bitcoin', network: 'regtest' }],
    })),
    // As LND for permissions of the entity `uri`, which are the only ones that are used.
    BakeMacaroon: unaryCall(guard, uri('BakeMacaroon'), (request: BakeMacaroonRequest) => ({
      macaroon: bake(
        node.state,
        request.permissions.map(({ action }) => action),
      ),
    })),
    ChannelBalance: unaryCall(guard, uri('ChannelBalance'), () => channelBalance(network, node)),
    DecodePayReq: unaryCall(guard, uri('DecodePayReq'), (request: PayReqString) =>
      payReq(request.payReq),
    ),
    AddInvoice: unaryCall(guard, uri('AddInvoice'), (request: Invoice) => {
      // As LND: without one it makes one.
      const preimage = hex(request.rPreimage.length === 0 ? randomBytes(32) : request.rPreimage)
      const invoice = node.invoices.add({
        ...newInvoice(request),
        paymentHash: sha256Hex(preimage),
        preimage,
        hold: false,
      })
      return { rHash: Buffer.from(invoice.paymentHash, 'hex'), ...addedInvoice(invoice) }
    }),
    ListInvoices: unaryCall(guard, uri('ListInvoices'), (request: ListInvoiceRequest) => {
      const page = pageOf(node.invoices.all(), (invoice) => invoice.addIndex, {
        offset: request.indexOffset,
        size: request.numMaxInvoices,
      })
      return { invoices: page.map(invoiceMessage), ...offsetsOf(page.map((one) => one.addIndex)) }
    }),
    ListPayments: unaryCall(guard, uri('ListPayments'), (request: ListPaymentsRequest) => {
      const listed = node.payments
        .all()
        .filter(({ status }) => request.includeIncomplete || status === 'SUCCEEDED')
      const page = pageOf(listed, (payment) => payment.index, {
        offset: request.indexOffset,
        size: request.maxPayments,
      })
      return { payments: page.map(paymentMessage), ...offsetsOf(page.map((one) => one.index)) }
    }),
    SubscribeInvoices: streamingCall<InvoiceSubscription, InvoicePartial>(
      guard,
      uri('SubscribeInvoices'),
      ({ settleIndex }, stream) => {
        // As in LND: a backlog only for an index that is not 0, and never ACCEPTED or CANCELED.
        const after = BigInt(settleIndex)
        const settled =
          after === 0n ? [] : node.invoices.all().filter((one) => one.settleIndex > after)
        for (const invoice of [...settled].sort((a, b) => Number(a.settleIndex - b.settleIndex)))
          stream.write(invoiceMessage(invoice))
        return watchInvoices(node, (invoice) => {
          if (invoice.state === 'OPEN' || invoice.state === 'SETTLED')
            stream.write(invoiceMessage(invoice))
        })
      },
    ),
  }
}

function channelBalance(network: SimNetwork, node: SimNode) {
  const { localMsat, remoteMsat } = network.balance(node)
  const sent = node.payments.all().filter(({ status }) => status === 'IN_FLIGHT')
  const held = node.invoices.all().filter(({ state }) => state === 'ACCEPTED')
  return {
    localBalance: amount(localMsat),
    remoteBalance: amount(remoteMsat),
    unsettledLocalBalance: amount(
      sent.reduce((sum, { amountMsat, feeMsat }) => sum + amountMsat + feeMsat, 0n),
    ),
    unsettledRemoteBalance: amount(held.reduce((sum, { paidMsat }) => sum + paidMsat, 0n)),
  }
}

function payReq(text: string) {
  try {
    const invoice = decodeInvoice(text)
    const msat = invoice.amountMsat ?? 0n
    const { description } = invoice
    return {
      destination: invoice.payee,
      paymentHash: invoice.paymentHash,
      numSatoshis: String(msat / 1000n),
      numMsat: String(msat),
      timestamp: String(invoice.timestamp),
      expiry: String(invoice.expirySeconds),
      description: description.kind === 'text' ? description.text : '',
      descriptionHash: description.kind === 'hash' ? description.sha256 : '',
      cltvExpiry: String(invoice.minFinalCltv),
      paymentAddr: Buffer.from(invoice.paymentSecret, 'hex'),
    }
  } catch (error) {
    throw error instanceof Bolt11Error ? unknownError(error.message) : error
  }
}

function pageOf<T>(
  records: readonly T[],
  indexOf: (record: T) => bigint,
  { offset, size }: { offset: string; size: string },
): T[] {
  const limit = Number(size) === 0 ? DEFAULT_PAGE : Number(size)
  return records.filter((record) => indexOf(record) > BigInt(offset)).slice(0, limit)
}

const offsetsOf = (indexes: readonly bigint[]) => ({
  firstIndexOffset: String(indexes[0] ?? 0),
  lastIndexOffset: String(indexes.at(-1) ?? 0),
})
