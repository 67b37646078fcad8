/** What a BOLT 11 invoice says: https://github.com/lightning/bolts/blob/master/11-payment-encoding.md */
export interface Bolt11Invoice {
  readonly network: Bolt11Network
  /** Undefined: the payer chooses. */
  readonly amountMsat: bigint | undefined
  /** Unix seconds. */
  readonly timestamp: number
  readonly expirySeconds: number
  /** Hex of 32 bytes, as are the next two hashes. */
  readonly paymentHash: string
  readonly paymentSecret: string
  readonly description: InvoiceDescription
  /** Least blocks that the last HTLC must have left. */
  readonly minFinalCltv: number
  /** Set bits, ascending. */
  readonly features: readonly number[]
  /** Hex; to be handed back in the payment. */
  readonly metadata: string | undefined
}

/** A decoded invoice, whose signature is its payee's. */
export interface DecodedInvoice extends Bolt11Invoice {
  /** Hex of the compressed public key. */
  readonly payee: string
  /** Unix seconds. */
  readonly expiresAt: number
}

export type InvoiceDescription =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'hash'; readonly sha256: string }

/** BIP 173 prefixes, and the names that LND has for them. */
export const NETWORK_PREFIX = {
  mainnet: 'bc',
  testnet: 'tb',
  signet: 'tbs',
  regtest: 'bcrt',
  simnet: 'sb',
} as const
export type Bolt11Network = keyof typeof NETWORK_PREFIX

/** LND's limit too: the most that one QR code holds. */
export const MAX_INVOICE_LENGTH = 7089
/** Thirty-five bits. */
export const MAX_TIMESTAMP = 2 ** 35 - 1
/** About a thousand years; keeps the expiry date a safe integer. */
export const MAX_EXPIRY_SECONDS = 2 ** 35 - 1
/** Above this a lock time is a date, not a height. */
export const MAX_CLTV = 499_999_999
export const DEFAULT_EXPIRY_SECONDS = 3600
export const DEFAULT_MIN_FINAL_CLTV = 18
export const TIMESTAMP_WORDS = 7
/** R, S and the recovery id: 65 bytes. */
export const SIGNATURE_WORDS = 104
