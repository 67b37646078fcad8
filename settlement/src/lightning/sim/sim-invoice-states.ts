import type { SimInvoice } from './sim-state.ts'

export type SimInvoiceState = SimInvoice['state']
/** `hold` is a payment held by a hold invoice, `settle` the preimage or a payment to a plain one. */
export type SimInvoiceEvent = 'hold' | 'settle' | 'cancel'

/** LND's states of an invoice. What is missing cannot happen. */
export const INVOICE_TRANSITIONS: Readonly<
  Record<SimInvoiceState, Readonly<Partial<Record<SimInvoiceEvent, SimInvoiceState>>>>
> = {
  OPEN: { hold: 'ACCEPTED', settle: 'SETTLED', cancel: 'CANCELED' },
  ACCEPTED: { settle: 'SETTLED', cancel: 'CANCELED' },
  SETTLED: {},
  CANCELED: {},
}

/** Throws on an illegal move: the callers have looked before. */
export function move(invoice: SimInvoice, event: SimInvoiceEvent): void {
  const next = INVOICE_TRANSITIONS[invoice.state][event]
  if (next === undefined) throw new Error(`An invoice that is ${invoice.state} cannot ${event}`)
  invoice.state = next
}
