import { z } from 'zod'
import { isJobId, isLeaseId } from './ids.ts'
import { verifyEd25519 } from './login.ts'
import { leafHash, merklePath, merkleRoot, rootOfPath } from './merkle.ts'
import { isPeerId, publicKeyOf, type PeerId } from './peer-id.ts'
import { decodeUtf8, encodeUtf8 } from './utf8.ts'
import { priceSchema, usageSchema } from './wire.ts'

/**
 * A receipt is the provider's signed statement of what it did for one lease. An Ed25519 signature
 * and its check cost more than everything else on a request's path, so receipts finished close
 * together share one: the provider signs the Merkle root of the batch, and each receipt carries its
 * path. Every receipt still stands alone, offline, with nothing but the provider's peer id.
 */
export const receiptStatementSchema = z.object({
  v: z.literal(1),
  job: z.string().refine(isJobId),
  lease: z.string().refine(isLeaseId),
  provider: z.string().refine(isPeerId),
  model: z.string().max(128),
  engine: z.string().max(64),
  usage: usageSchema,
  price: priceSchema,
  finish_reason: z.string().max(32),
  output_sha256: z.string().regex(/^[0-9a-f]{64}$/),
  output_bytes: z.int().nonnegative(),
  /** ms since the epoch, the provider's clock. */
  started_at: z.int().nonnegative(),
  ended_at: z.int().nonnegative(),
})
export type ReceiptStatement = z.infer<typeof receiptStatementSchema>

/** One receipt with all that its check needs. Byte strings are base64url. */
export const signedReceiptSchema = z.object({
  statement: z.string().max(4096),
  signature: z.string().max(128),
  index: z.int().nonnegative(),
  size: z.int().positive(),
  path: z.array(z.string().max(64)).max(8),
})
export type SignedReceipt = z.infer<typeof signedReceiptSchema>

const DOMAIN = encodeUtf8('infernet/receipt-batch/1\0')

/** The bytes a batch signature covers: domain, root, u32 number of leaves. */
export function batchTranscript(root: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(DOMAIN.length + root.length + 4)
  bytes.set(DOMAIN)
  bytes.set(root, DOMAIN.length)
  new DataView(bytes.buffer).setUint32(DOMAIN.length + root.length, size)
  return bytes
}

/** The transcript to sign for a batch of encoded statements. */
export function batchToSign(statements: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return batchTranscript(merkleRoot(statements.map(leafHash)), statements.length)
}

/** Splits a signed batch into receipts that stand alone. */
export function splitBatch(statements: readonly Uint8Array[], signature: Uint8Array): SignedReceipt[] {
  const leaves = statements.map(leafHash)
  return statements.map((statement, index) => ({
    statement: toBase64Url(statement),
    signature: toBase64Url(signature),
    index,
    size: leaves.length,
    path: merklePath(leaves, index).map(toBase64Url),
  }))
}

/** Whether `signature` is `provider`'s over this batch of encoded statements. */
export async function verifyBatch(
  provider: PeerId,
  statements: readonly Uint8Array[],
  signature: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const key = publicKeyOf(provider)
  return key !== undefined && verifyEd25519(key, signature, batchToSign(statements))
}

export type ReceiptVerdict =
  | { readonly ok: true; readonly statement: ReceiptStatement }
  | { readonly ok: false; readonly reason: 'malformed' | 'path' | 'signature' }

/** Checks one receipt offline: path, signature, statement. The provider is the one it names. */
export async function verifyReceipt(receipt: SignedReceipt): Promise<ReceiptVerdict> {
  const bytes = fromBase64Url(receipt.statement)
  const statement = parseStatement(bytes)
  if (statement === undefined) return { ok: false, reason: 'malformed' }
  const root = rootOfPath(leafHash(bytes), receipt.index, receipt.size, receipt.path.map(fromBase64Url))
  if (root === undefined) return { ok: false, reason: 'path' }
  const key = publicKeyOf(statement.provider)
  const good =
    key !== undefined &&
    (await verifyEd25519(key, fromBase64Url(receipt.signature), batchTranscript(root, receipt.size)))
  return good ? { ok: true, statement } : { ok: false, reason: 'signature' }
}

/** The statement inside signed bytes, or undefined when they are not one. */
export function parseStatement(bytes: Uint8Array): ReceiptStatement | undefined {
  try {
    return receiptStatementSchema.parse(JSON.parse(decodeUtf8(bytes)))
  } catch {
    return undefined
  }
}

export const encodeStatement = (statement: ReceiptStatement): Uint8Array<ArrayBuffer> =>
  encodeUtf8(JSON.stringify(statement))

export const toBase64Url = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')

/** Decodes leniently, like `Buffer.from`; what it yields is checked by hash or signature. */
export const fromBase64Url = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(Buffer.from(text, 'base64url'))
