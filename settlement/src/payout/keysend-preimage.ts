import { derivePreimage } from '../intake/derived-preimage.ts'
import type { Preimage } from '../lightning/lightning-backend.ts'

/**
 * The preimage of one attempt to pay by keysend: derived, so that after a crash the same attempt is the
 * same payment, and secret, so that nobody on the way can take the money. Throws `IntakeError`
 * `bad_derivation` for a key, payout or attempt that cannot be right.
 */
export const keysendPreimage = (key: Uint8Array, payout: string, attempt: number): Preimage =>
  derivePreimage(key, { purpose: 'keysend', id: payout, attempt })
