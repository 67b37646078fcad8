import type { PeerId } from './peer-id.ts'
import { isSignedBy } from './peer-signature.ts'
import { fromBase64Url, toBase64Url } from './receipt.ts'
import { encodeUtf8 } from './utf8.ts'
import type { Capability, Payout, PayoutWishes } from './wire.ts'

/**
 * A provider's own word on where its money goes. It passes through the edge and lies in the edge's
 * database, so the provider signs it with the key that is its name: whoever pays asks neither of the
 * two whether it is true.
 */
const DOMAIN = 'infernet/payout/1'

/**
 * The bytes that a payout's signature covers: always the same seven fields, empty where nothing is
 * said. None of them can hold the NUL between them, as `payoutSchema` has it.
 */
export function signablePayout(
  peer: string,
  { issued_at, to, when, threshold_sat }: Omit<Payout, 'signature'>,
): Uint8Array<ArrayBuffer> {
  const parts = [DOMAIN, peer, issued_at, to.kind, targetOf(to), when ?? '', threshold_sat ?? '']
  return encodeUtf8(parts.join('\0'))
}

/** Where money goes: a Lightning address, or a node's public key; empty where an agent is asked and names none. */
export const targetOf = (to: PayoutWishes['to']): string =>
  to.kind === 'lightning_address' ? to.address : (to.pubkey ?? '')

/** The wishes with the provider's signature; `issuedAt` in ms since the epoch. */
export function signPayout(
  signer: { readonly peer: PeerId; readonly sign: (message: Uint8Array) => Uint8Array },
  wishes: PayoutWishes,
  issuedAt: number,
): Payout {
  const unsigned = { ...wishes, issued_at: issuedAt }
  const signature = signer.sign(signablePayout(signer.peer, unsigned))
  return { ...unsigned, signature: toBase64Url(signature) }
}

/** Whether the provider signed this. */
export const verifyPayout = (peer: string, payout: Payout): boolean =>
  isSignedBy(peer, fromBase64Url(payout.signature), signablePayout(peer, payout))

/** What is wrong with where this provider's money goes, for its owner; undefined: nothing. */
export const payoutFault = (peer: string, { payout }: Capability): string | undefined =>
  payout === undefined || verifyPayout(peer, payout)
    ? undefined
    : 'where the earnings go is not signed with the key of this login'
