import { isPeerId } from '@infernet/schemas/peer-id'
import { applyTransfers, type TransferRim } from '../billing/apply-transfers.ts'
import { InvoiceAskError } from '../hub/invoice-asks.ts'
import type { HubPort } from '../ports.ts'
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

export interface TasksRim extends TransferRim {
  readonly hub: Pick<HubPort, 'askInvoice'>
  readonly jobs: SettlerTasks['jobs']
}

/** The tasks over the edge's own parts. */
export function settlerTasks(rim: TasksRim): SettlerTasks {
  return {
    transfers: (references) => applyTransfers(rim, references),
    invoice: (ask) => askAgent(rim.hub, ask),
    jobs: rim.jobs,
  }
}

async function askAgent(hub: TasksRim['hub'], { peer, ...order }: InvoiceAsk): Promise<string> {
  if (!isPeerId(peer)) throw new SettlerAskError('refused', 'That is no peer id.')
  try {
    return await hub.askInvoice(peer, order)
  } catch (error) {
    if (!(error instanceof InvoiceAskError)) throw error
    const code = error.code === 'offline' ? 'unavailable' : error.code
    throw new SettlerAskError(code, error.message, { cause: error })
  }
}
