import { verifyPayout } from '@infernet/schemas/payout-statement'
import { payoutSchema, type Payout } from '@infernet/schemas/wire'
import type { PayoutDestination } from '../payout/payout-store.ts'

/** `unreadable`: not what an agent sends; `not_signed`: not what this provider sent. */
type ProviderPayoutErrorCode = 'unreadable' | 'not_signed'

/** Nothing may be paid by this record: the money waits. */
class ProviderPayoutError extends Error {
  override readonly name = 'ProviderPayoutError'
  readonly code: ProviderPayoutErrorCode
  constructor(code: ProviderPayoutErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/**
 * What a provider's capability record, as the database has it, says of its money under `payout`; the
 * signature is not checked. Throws {@link ProviderPayoutError}.
 */
export function readProviderPayout(record: unknown): Payout {
  const read = payoutSchema.safeParse(record)
  if (read.success) return read.data
  const issue = read.error.issues[0]
  const field = ['payout', ...(issue?.path ?? [])].join('.')
  throw new ProviderPayoutError('unreadable', `${field}: ${issue?.message ?? 'invalid'}`)
}

/**
 * Where a provider's money goes, by its own signature: neither the edge nor whoever writes in its database
 * can name another place. An agent is asked by its peer id for an invoice of its node. Throws
 * {@link ProviderPayoutError}.
 */
export function providerDestination(peer: string, payout: Payout): PayoutDestination {
  if (!verifyPayout(peer, payout))
    throw new ProviderPayoutError(
      'not_signed',
      'where the money goes is not signed with the provider’s key',
    )
  const { to } = payout
  if (to.kind === 'keysend') return { kind: 'keysend', pubkey: to.pubkey }
  if (to.kind === 'lightning_address') return { kind: 'ask', whom: to.address }
  // Whoever carries the question could answer it with an invoice of its own.
  if (to.pubkey === undefined)
    throw new ProviderPayoutError('not_signed', 'the key of the node that is paid is not signed')
  return { kind: 'ask', whom: peer, payee: to.pubkey }
}
