import { InvoiceAskError, type InvoiceAskErrorCode } from './invoice-asks.ts'

/** How asking for an invoice went, as plain data: an RPC keeps no error's code. */
export type InvoiceOutcome =
  | { readonly ok: true; readonly bolt11: string }
  | { readonly ok: false; readonly code: InvoiceAskErrorCode; readonly message: string }

/** Rejects with what is no {@link InvoiceAskError}. */
export async function toInvoiceOutcome(asking: Promise<string>): Promise<InvoiceOutcome> {
  try {
    return { ok: true, bolt11: await asking }
  } catch (error) {
    if (!(error instanceof InvoiceAskError)) throw error
    return { ok: false, code: error.code, message: error.message }
  }
}

/** The invoice. Throws {@link InvoiceAskError}. */
export function fromInvoiceOutcome(outcome: InvoiceOutcome): string {
  if (outcome.ok) return outcome.bolt11
  throw new InvoiceAskError(outcome.code, outcome.message)
}
