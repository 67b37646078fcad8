// The macaroons that an operator bakes for the settler, and a provider for its agent: what each task needs and
// nothing else. None of them has DeletePayment, which would make LND forget what it has paid, and pay it again.

/** Receives: invoices and hold invoices. */
export const INTAKE_URIS: readonly string[] = [
  '/lnrpc.Lightning/AddInvoice',
  '/lnrpc.Lightning/GetInfo',
  '/lnrpc.Lightning/ListInvoices',
  '/lnrpc.Lightning/SubscribeInvoices',
  '/invoicesrpc.Invoices/AddHoldInvoice',
  '/invoicesrpc.Invoices/CancelInvoice',
  '/invoicesrpc.Invoices/LookupInvoiceV2',
  '/invoicesrpc.Invoices/SettleInvoice',
  '/invoicesrpc.Invoices/SubscribeSingleInvoice',
]

/** Pays: whoever has it can spend what the channels hold. */
export const PAYOUT_URIS: readonly string[] = [
  '/lnrpc.Lightning/ChannelBalance',
  '/lnrpc.Lightning/DecodePayReq',
  '/lnrpc.Lightning/GetInfo',
  '/lnrpc.Lightning/ListPayments',
  '/routerrpc.Router/SendPaymentV2',
  '/routerrpc.Router/TrackPaymentV2',
]

/** Compares: reads both sides and changes nothing. */
export const RECONCILE_URIS: readonly string[] = [
  '/lnrpc.Lightning/ChannelBalance',
  '/lnrpc.Lightning/GetInfo',
  '/lnrpc.Lightning/ListInvoices',
  '/lnrpc.Lightning/ListPayments',
]

/** A provider's agent at the provider's own node: gives invoices and reads them, can neither pay nor cancel. */
export const AGENT_URIS: readonly string[] = [
  '/lnrpc.Lightning/AddInvoice',
  '/lnrpc.Lightning/GetInfo',
  '/invoicesrpc.Invoices/LookupInvoiceV2',
]
