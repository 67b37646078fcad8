import { MAX_INVOICE_LENGTH } from '../bolt11/invoice.ts'
import { serializeMacaroon } from '../macaroon/macaroon-binary.ts'
import type { Macaroon } from '../macaroon/macaroon.ts'
import { MAX_TOKEN_BYTES } from './authorization.ts'
import { L402Error } from './l402-error.ts'

/**
 * The value of `WWW-Authenticate` in a 402: pay `invoice`, then show `macaroon` and the preimage. The
 * specification renamed `macaroon` to `token`; older clients read the old name, newer ones the new.
 * Throws {@link L402Error} `bad_invoice`, or `too_long` for a macaroon that could not be shown again.
 */
export function writeChallenge(challenge: {
  readonly macaroon: Macaroon
  /** BOLT 11, lower case. */
  readonly invoice: string
}): string {
  const { invoice } = challenge
  // Also so that no text of a node's ends the quotes or the header.
  if (invoice.length > MAX_INVOICE_LENGTH || !/^ln[a-z0-9]+$/.test(invoice))
    throw new L402Error('bad_invoice', 'It is not a BOLT 11 invoice')
  const bytes = serializeMacaroon(challenge.macaroon)
  if (bytes.length > MAX_TOKEN_BYTES)
    throw new L402Error('too_long', `A token has at most ${MAX_TOKEN_BYTES} bytes`)
  const token = Buffer.from(bytes).toString('base64')
  return `L402 version="0", token="${token}", macaroon="${token}", invoice="${invoice}"`
}
