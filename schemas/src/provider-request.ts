import { z } from 'zod'
import { verifyPeerSignature } from './login.ts'
import { isPeerId, type PeerId } from './peer-id.ts'
import { fromBase64Url, toBase64Url } from './receipt.ts'
import { encodeUtf8 } from './utf8.ts'
import { base64url } from './wire.ts'

/**
 * How a provider asks an edge for something of its own without logging in: it signs what it asks for (a
 * job's id, a slash's) and when, with the key that is its name. Ids are an edge's own, so that a request
 * to one says nothing to another.
 */
const DOMAIN = 'infernet/provider-request/1'

/** For how long a request may be shown: clocks differ, and people wait. */
const SIGNED_REQUEST_TTL_MS = 5 * 60_000

/** Names of the headers that carry it. */
export const REQUEST_HEADERS = {
  peer: 'x-infernet-peer',
  at: 'x-infernet-signed-at',
  signature: 'x-infernet-signature',
} as const

const signedRequestSchema = z.object({
  peer: z.string().refine(isPeerId),
  /** ms since the epoch. */
  at: z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number),
  signature: base64url(64),
})

/** Whether something was signed `at`, not long before `now` or after it; ms since the epoch. */
export const isRecent = (at: number, now: number): boolean =>
  Math.abs(now - at) <= SIGNED_REQUEST_TTL_MS

/** The bytes that a request's signature covers; `at` in ms since the epoch. */
const requestToSign = (peer: PeerId, about: string, at: number): Uint8Array<ArrayBuffer> =>
  encodeUtf8([DOMAIN, peer, about, at].join('\0'))

/** The headers of a request about `about`, signed `at` (ms since the epoch). */
export const signedHeaders = (
  signer: { readonly peer: PeerId; readonly sign: (message: Uint8Array) => Uint8Array },
  about: string,
  at: number,
): Record<string, string> => ({
  [REQUEST_HEADERS.peer]: signer.peer,
  [REQUEST_HEADERS.at]: String(at),
  [REQUEST_HEADERS.signature]: toBase64Url(signer.sign(requestToSign(signer.peer, about, at))),
})

export type SignedRequest =
  | { readonly ok: true; readonly peer: PeerId }
  | { readonly ok: false; readonly fault: 'malformed' | 'time' | 'signature' }

/** Who has signed a request about `about`, at `now` (ms since the epoch); undefined when nobody says so. */
export async function readSignedRequest(
  header: (name: string) => string | undefined,
  about: string,
  now: number,
): Promise<SignedRequest | undefined> {
  const names = Object.entries(REQUEST_HEADERS)
  const headers = Object.fromEntries(names.map(([field, name]) => [field, header(name)]))
  if (headers['signature'] === undefined) return undefined
  const { data } = signedRequestSchema.safeParse(headers)
  if (data === undefined) return { ok: false, fault: 'malformed' }
  const { peer, at, signature } = data
  if (!isRecent(at, now)) return { ok: false, fault: 'time' }
  const signed = fromBase64Url(signature)
  const isGood = await verifyPeerSignature(peer, signed, requestToSign(peer, about, at))
  return isGood ? { ok: true, peer } : { ok: false, fault: 'signature' }
}
