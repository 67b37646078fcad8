import { Bolt11Error } from '../bolt11/bolt11-error.ts'
import { decodeInvoice } from '../bolt11/decode-invoice.ts'
import type { Bolt11Network, DecodedInvoice } from '../bolt11/invoice.ts'
import type { NodeKey } from '../lightning/lightning-backend.ts'

/** Time for a few tries, and for a restart of the node between them. */
const LEAST_SECONDS_LEFT = 600
/** A day in blocks: for so long a payee could sit on the money without taking it. */
const MAX_FINAL_CLTV = 144

export type DestinationErrorCode =
  /** Not an invoice that one may pay. */
  | 'unreadable'
  | 'network'
  /** Another one than asked for, or none. */
  | 'amount'
  /** Somebody else than the payee. */
  | 'payee'
  /** Our own node, which cannot pay itself. */
  | 'self'
  /** Too little time left. */
  | 'expiry'
  /** The money could be held for too long. */
  | 'cltv'

/** Why nothing is sent to a destination. Nothing was. */
export class DestinationError extends Error {
  override readonly name = 'DestinationError'
  readonly code: DestinationErrorCode

  constructor(code: DestinationErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export interface DestinationRules {
  readonly network: Bolt11Network
  /** What it must be for, msat. */
  readonly amountMsat: bigint
  /** Who must have signed it, if that is known. */
  readonly payee?: NodeKey | undefined
  readonly ourNode: NodeKey
  /** Unix seconds. */
  readonly now: number
}

/**
 * Reads an invoice that a stranger wants us to pay, and checks that it is the one agreed on and cannot
 * hurt us. Throws {@link DestinationError}.
 */
export function checkInvoice(bolt11: string, rules: DestinationRules): DecodedInvoice {
  const invoice = decodedOrRefused(bolt11)
  if (invoice.network !== rules.network)
    throw new DestinationError('network', `It is for ${invoice.network}, not ${rules.network}`)
  if (invoice.amountMsat !== rules.amountMsat)
    throw new DestinationError(
      'amount',
      `It is for ${invoice.amountMsat ?? 'any'} msat, not ${rules.amountMsat}`,
    )
  checkPayee(invoice.payee, rules)
  if (invoice.expiresAt - rules.now < LEAST_SECONDS_LEFT)
    throw new DestinationError('expiry', `It has less than ${LEAST_SECONDS_LEFT} s left`)
  if (invoice.minFinalCltv > MAX_FINAL_CLTV)
    throw new DestinationError('cltv', `It locks money for more than ${MAX_FINAL_CLTV} blocks`)
  return invoice
}

/** Whether a node may be paid. Throws {@link DestinationError}. */
export function checkPayee(
  pubkey: NodeKey,
  { ourNode, payee }: Pick<DestinationRules, 'ourNode' | 'payee'>,
): void {
  if (pubkey === ourNode) throw new DestinationError('self', 'It is our own node')
  if (payee !== undefined && pubkey !== payee)
    throw new DestinationError('payee', `It is ${pubkey}, not ${payee}`)
}

function decodedOrRefused(bolt11: string): DecodedInvoice {
  try {
    return decodeInvoice(bolt11)
  } catch (cause) {
    if (!(cause instanceof Bolt11Error)) throw cause
    throw new DestinationError('unreadable', cause.message, { cause })
  }
}
