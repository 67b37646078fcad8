import { hash } from 'node:crypto'
import { z } from 'zod'
import { isJobId, isLeaseId } from './ids.ts'
import { MAX_MODEL_NAME_LENGTH } from './limits.ts'
import { verifyPeerSignature } from './login.ts'
import { isPeerId, type PeerId } from './peer-id.ts'
import { fromBase64Url, toBase64Url, type SignedReceipt } from './receipt.ts'
import { decodeUtf8, encodeUtf8 } from './utf8.ts'
import { base64url } from './wire.ts'

/**
 * The edge's signed statement of what it delivered for one job and what it billed: the other half of a
 * receipt, whose first half its provider signs. With both, whoever holds them can show the one what the
 * other has said.
 */
const count = z.int().nonnegative()
const peer = z.string().refine(isPeerId, 'not a peer id')
const lease = z.string().refine(isLeaseId, 'not a lease id')
const msat = z.string().regex(/^(0|[1-9][0-9]{0,18})$/)
const usage = z.object({ prompt_tokens: count, completion_tokens: count })

/** Attempts are at most 99: see `ids.ts`. */
const MAX_PRIOR_LEGS = 98

export const deliveryStatementSchema = z.object({
  v: z.literal(1),
  job: z.string().refine(isJobId, 'not a job id'),
  /** The lease that ended the job, and its provider; null when nobody was asked. */
  lease: lease.nullable(),
  provider: peer.nullable(),
  model: z.string().max(MAX_MODEL_NAME_LENGTH),
  status: z.enum(['completed', 'cancelled', 'failed', 'expired']),
  finish_reason: z.string().nullable(),
  /** Billed tokens and cost of the whole job, its prior legs included. */
  usage,
  cost_msat: msat,
  /** Parts of the answer by providers that broke before its end. */
  prior_legs: z
    .array(z.object({ lease, provider: peer, usage, cost_msat: msat }))
    .max(MAX_PRIOR_LEGS),
  /** Unix seconds, the edge's clock. */
  created: count,
  /** ms since then. */
  first_byte_ms: count.nullable(),
  total_ms: count,
  /** SHA-256, hex, of the statement that the lease's provider has signed; null while there is none. */
  receipt_sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  issuer: peer,
})
export type DeliveryStatement = z.infer<typeof deliveryStatementSchema>

/** Of a statement with all the legs that it may have, some 300 bytes each. */
const MAX_DELIVERY_STATEMENT_BYTES = 32 * 1024

/** A statement with the edge's signature. Byte strings are base64url. */
export const countersignatureSchema = z.object({
  statement: base64url(MAX_DELIVERY_STATEMENT_BYTES),
  signature: base64url(64),
  issuer: peer,
})
export type Countersignature = z.infer<typeof countersignatureSchema>

const DOMAIN = encodeUtf8('infernet/delivery/1\0')

/** The bytes that the edge signs for an encoded statement. */
export function deliveryToSign(statement: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(DOMAIN.length + statement.length)
  bytes.set(DOMAIN)
  bytes.set(statement, DOMAIN.length)
  return bytes
}

/** What signs for an edge, by the peer id of its public key. */
export interface DeliverySigner {
  readonly peer: PeerId
  /** Ed25519 (RFC 8032). */
  sign(message: Uint8Array<ArrayBuffer>): Promise<Uint8Array>
}

/** The statement with its signature: the same bytes whenever the same is said. */
export async function countersign(
  signer: DeliverySigner,
  said: Omit<DeliveryStatement, 'issuer'>,
): Promise<Countersignature> {
  const statement = encodeUtf8(JSON.stringify({ ...said, issuer: signer.peer }))
  const signature = await signer.sign(deliveryToSign(statement))
  return {
    statement: toBase64Url(statement),
    signature: toBase64Url(signature),
    issuer: signer.peer,
  }
}

/** How a statement names what a provider has signed: SHA-256, hex, of its statement's bytes. */
export const receiptHash = ({ statement }: SignedReceipt): string =>
  hash('sha256', fromBase64Url(statement))

export type CountersignatureVerdict =
  | { readonly ok: true; readonly statement: DeliveryStatement }
  | { readonly ok: false; readonly reason: 'malformed' | 'issuer' | 'signature' }

/**
 * Checks a countersignature offline. `malformed`: its bytes are no statement; `issuer`: they name another
 * edge than it does, or than the `expected` one; `signature`: that edge did not sign this.
 */
export async function verifyCountersignature(
  { statement, signature, issuer }: Countersignature,
  expected: PeerId = issuer,
): Promise<CountersignatureVerdict> {
  const bytes = fromBase64Url(statement)
  const said = parse(bytes)
  if (said === undefined) return { ok: false, reason: 'malformed' }
  if (said.issuer !== issuer || issuer !== expected) return { ok: false, reason: 'issuer' }
  const signed = fromBase64Url(signature)
  const isGood = await verifyPeerSignature(issuer, signed, deliveryToSign(bytes))
  return isGood ? { ok: true, statement: said } : { ok: false, reason: 'signature' }
}

function parse(bytes: Uint8Array): DeliveryStatement | undefined {
  try {
    return deliveryStatementSchema.parse(JSON.parse(decodeUtf8(bytes)))
  } catch {
    return undefined
  }
}
