import { createHash } from 'node:crypto'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { parseMacaroon, serializeMacaroon } from '../../macaroon/macaroon-binary.ts'
import { mintMacaroon, verifyMacaroon, type Macaroon } from '../../macaroon/macaroon.ts'
import { unknownError } from './sim-errors.ts'
import type { SimNodeState } from './sim-state.ts'

/** All methods. */
export const ADMIN: readonly string[] = ['*']
const TIME_BEFORE = 'time-before '

/** A macaroon (hex) for the URIs named, `/lnrpc.Lightning/AddInvoice`; the same one for the same URIs. */
export function bake(state: SimNodeState, uris: readonly string[]): string {
  const identifier = createHash('sha256').update(uris.toSorted().join(' ')).digest().subarray(0, 16)
  state.permissions[bytesToHex(identifier)] = [...uris]
  const rootKey = hexToBytes(state.macaroonKey)
  return bytesToHex(serializeMacaroon(mintMacaroon(rootKey, { identifier, location: 'lnd' })))
}

/** Throws what LND answers unless the macaroon allows `uri` at `now` (Unix milliseconds). */
export function authorize(
  state: SimNodeState,
  macaroonHex: string | undefined,
  uri: string,
  now: number,
): void {
  if (macaroonHex === undefined) throw unknownError('expected 1 macaroon, got 0')
  const macaroon = parsed(macaroonHex)
  const holds = (caveat: string) =>
    caveat.startsWith(TIME_BEFORE) && now < Date.parse(caveat.slice(TIME_BEFORE.length))
  if (!verifyMacaroon(macaroon, hexToBytes(state.macaroonKey), holds))
    throw unknownError('verification failed: signature mismatch after caveat verification')
  const uris = state.permissions[bytesToHex(macaroon.identifier)] ?? []
  if (!uris.includes(uri) && !uris.includes('*')) throw unknownError('permission denied')
}

function parsed(macaroonHex: string): Macaroon {
  try {
    return parseMacaroon(hexToBytes(macaroonHex))
  } catch {
    throw unknownError('cannot determine data format of binary-encoded macaroon')
  }
}
