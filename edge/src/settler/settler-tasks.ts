import { applyTransfers, type TransferRim } from '../billing/apply-transfers.ts'
import { SettlerAskError } from './settler-error.ts'

/** An invoice that a provider's agent is to make at its own node. */
export interface InvoiceAsk {
  /** The agent's peer id. */
  readonly peer: string
  readonly payout: string
  /** From 1. */
  readonly attempt: number
  readonly amountMsat: bigint
}

/** What the settler may ask of the edge. All of it is idempotent, and throws {@link SettlerAskError}. */
export interface SettlerTasks {
  /** Tells live balances what Postgres has for them under these references. */
  transfers(references: readonly string[]): Promise<void>
  /** Resolves with the invoice's text, which nobody here has checked. */
  invoice(ask: InvoiceAsk): Promise<string>
  /** Runs these jobs of a fixed price, whose escrow is paid. */
  jobs(jobs: readonly string[]): Promise<void>
}

/** What is not given is refused as unavailable. */
export function settlerTasks(
  rim: TransferRim & Partial<Pick<SettlerTasks, 'invoice' | 'jobs'>>,
): SettlerTasks {
  return {
    transfers: (references) => applyTransfers(rim, references),
    invoice: rim.invoice ?? (() => unavailable('No agent can be asked for an invoice here.')),
    jobs: rim.jobs ?? (() => unavailable('No jobs of a fixed price are run here.')),
  }
}

const unavailable = async (message: string): Promise<never> => {
  throw new SettlerAskError('unavailable', message)
}
