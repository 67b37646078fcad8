import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import type { AddHoldInvoiceRequest } from '@lightningpolar/lnd-api/dist/types/invoicesrpc/AddHoldInvoiceRequest.js'
import type { CancelInvoiceMsg } from '@lightningpolar/lnd-api/dist/types/invoicesrpc/CancelInvoiceMsg.js'
import type { LookupInvoiceMsg } from '@lightningpolar/lnd-api/dist/types/invoicesrpc/LookupInvoiceMsg.js'
import type { SettleInvoiceMsg } from '@lightningpolar/lnd-api/dist/types/invoicesrpc/SettleInvoiceMsg.js'
import type { SubscribeSingleInvoiceRequest } from '@lightningpolar/lnd-api/dist/types/invoicesrpc/SubscribeSingleInvoiceRequest.js'
import type { InvoicePartial } from '@lightningpolar/lnd-api/dist/types/lnrpc/Invoice.js'
import { streamingCall, unaryCall, type CallGuard } from './sim-calls.ts'
import { notFound } from './sim-errors.ts'
import { invoiceMessage } from './sim-messages.ts'
import type { SimNode } from './sim-network.ts'
import { addedInvoice, hex, newInvoice, watchInvoices } from './sim-requests.ts'
import type { SimInvoice } from './sim-state.ts'

const uri = (method: string) => `/invoicesrpc.Invoices/${method}`

/** `invoicesrpc.Invoices`: hold invoices, and every invoice by its hash. */
export function invoicesService(node: SimNode, guard: CallGuard): UntypedServiceImplementation {
  return {
    AddHoldInvoice: unaryCall(guard, uri('AddHoldInvoice'), (request: AddHoldInvoiceRequest) =>
      addedInvoice(
        node.invoices.add({
          ...newInvoice(request),
          paymentHash: hex(request.hash),
          preimage: '',
          hold: true,
        }),
      ),
    ),
    SettleInvoice: unaryCall(guard, uri('SettleInvoice'), (request: SettleInvoiceMsg) => {
      node.invoices.settle(hex(request.preimage))
      return {}
    }),
    CancelInvoice: unaryCall(guard, uri('CancelInvoice'), (request: CancelInvoiceMsg) => {
      node.invoices.cancel(hex(request.paymentHash))
      return {}
    }),
    LookupInvoiceV2: unaryCall(guard, uri('LookupInvoiceV2'), (request: LookupInvoiceMsg) => {
      const invoice = node.invoices.find(hex(request.paymentHash ?? new Uint8Array()))
      if (invoice === undefined) throw notFound('unable to locate invoice')
      return invoiceMessage(invoice)
    }),
    SubscribeSingleInvoice: streamingCall<SubscribeSingleInvoiceRequest, InvoicePartial>(
      guard,
      uri('SubscribeSingleInvoice'),
      ({ rHash }, stream) => {
        const paymentHash = hex(rHash)
        const send = (invoice: SimInvoice) => {
          stream.write(invoiceMessage(invoice))
          if (invoice.state === 'SETTLED' || invoice.state === 'CANCELED') stream.end()
        }
        const now = node.invoices.find(paymentHash)
        if (now !== undefined) send(now)
        return watchInvoices(node, (invoice) => {
          if (invoice.paymentHash === paymentHash) send(invoice)
        })
      },
    ),
  }
}
