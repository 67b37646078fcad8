import { z } from 'zod'
import type { PayoutDestination } from '../payout/payout-store.ts'

const pubkey = z.string().regex(/^0[23][0-9a-f]{64}$/, 'a node’s public key is 66 hex digits')
/** As for mail: 64 before the @, 255 after it. */
const MAX_ADDRESS_LENGTH = 320

/** What a provider's signed capability says of its money, under `payout`. */
export const providerPayoutSchema = z.object({
  to: z.discriminatedUnion('kind', [
    z.object({
      kind: z.literal('lightning_address'),
      address: z.string().min(3).max(MAX_ADDRESS_LENGTH),
    }),
    z.object({ kind: z.literal('keysend'), pubkey }),
    /** Its agent makes invoices, of this node if it is named. */
    z.object({ kind: z.literal('invoice'), pubkey: pubkey.optional() }),
  ]),
  when: z.enum(['at_once', 'threshold']).optional(),
  threshold_sat: z.int().positive().optional(),
})
export type ProviderPayout = z.infer<typeof providerPayoutSchema>

/** Where a provider's money goes; `peer` is its id, which is who is asked for an invoice of its node. */
export function providerDestination(peer: string, { to }: ProviderPayout): PayoutDestination {
  if (to.kind === 'keysend') return { kind: 'keysend', pubkey: to.pubkey }
  if (to.kind === 'lightning_address') return { kind: 'ask', whom: to.address }
  return to.pubkey === undefined
    ? { kind: 'ask', whom: peer }
    : { kind: 'ask', whom: peer, payee: to.pubkey }
}
