import { z } from 'zod'
import { isJobId, isLeaseId } from './ids.ts'
import { verifyPeerSignature } from './login.ts'
import {
  MAX_MODEL_NAME_LENGTH,
  MAX_RECEIPTS_PER_BATCH,
  MAX_RECEIPT_STATEMENT_BYTES,
} from './limits.ts'
import { leafHash, merkleTree, rootOfPath } from './merkle.ts'
import { claimSchema } from './transcript.ts'
import { isPeerId, type PeerId } from './peer-id.ts'
import { decodeUtf8, encodeUtf8 } from './utf8.ts'
import { base64url, priceSchema, usageSchema, type ReceiptBatchFrame } from './wire.ts'

/**
 * A receipt is the provider's signed statement of what it did for one lease. An Ed25519 signature
 * and its check cost more than everything else on a request's path, so receipts finished close
 * together share one: the provider signs the Merkle root of the batch, and each receipt carries its
 * path. Every receipt still stands alone, offline, with nothing but the provider's peer id.
 */
export const receiptStatementSchema = z
  .object({
    v: z.literal(1),
    job: z.string().refine(isJobId),
    lease: z.string().refine(isLeaseId),
    provider: z.string().refine(isPeerId),
    model: z.string().max(MAX_MODEL_NAME_LENGTH),
    engine: z.string().max(64),
    usage: usageSchema,
    price: priceSchema,
    finish_reason: z.string().max(32),
    /** SHA-256, hex, over the payload bytes of the lease's data frames. */
    output_sha256: z.string().regex(/^[0-9a-f]{64}$/),
    output_bytes: z.int().nonnegative(),
    /** What its engine did; absent where the engine does not tell, or the answer cannot be replayed. */
    claim: claimSchema.optional(),
    /** ms since the epoch, the provider's clock. */
    started_at: z.int().nonnegative(),
    ended_at: z.int().nonnegative(),
  })
  .refine(({ job, lease }) => lease.startsWith(`${job}.`), 'the lease is of another job')
export type ReceiptStatement = z.infer<typeof receiptStatementSchema>

/** A Merkle path over the largest batch. */
const MAX_PATH_LENGTH = Math.ceil(Math.log2(MAX_RECEIPTS_PER_BATCH))

/** One receipt with all that its check needs. Byte strings are base64url. */
export const signedReceiptSchema = z.object({
  statement: base64url(MAX_RECEIPT_STATEMENT_BYTES),
  signature: base64url(64),
  index: z.int().nonnegative(),
  size: z.int().positive().max(MAX_RECEIPTS_PER_BATCH),
  path: z.array(base64url(32)).max(MAX_PATH_LENGTH),
})
export type SignedReceipt = z.infer<typeof signedReceiptSchema>

const DOMAIN = encodeUtf8('infernet/receipt-batch/1\0')

/** The bytes a batch signature covers: domain, root, u32 number of leaves. */
function batchTranscript(root: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(DOMAIN.length + root.length + 4)
  bytes.set(DOMAIN)
  bytes.set(root, DOMAIN.length)
  new DataView(bytes.buffer).setUint32(DOMAIN.length + root.length, size)
  return bytes
}

/** The bytes to sign for a batch of encoded statements; at least one. */
export function batchToSign(statements: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return batchTranscript(merkleTree(statements.map(leafHash)).root, statements.length)
}

/** A receipt as its batch had it; `bytes` are its statement's. */
export interface BatchedReceipt {
  readonly bytes: Uint8Array
  readonly receipt: SignedReceipt
}

/**
 * Splits a batch into receipts that stand alone, in its order. Undefined when `provider` has not
 * signed it. Throws RangeError for one without statements.
 */
export async function openBatch(
  provider: PeerId,
  batch: ReceiptBatchFrame,
): Promise<readonly BatchedReceipt[] | undefined> {
  const { transcript, receipts } = splitBatch(batch)
  const good = await verifyPeerSignature(provider, fromBase64Url(batch.signature), transcript)
  return good ? receipts : undefined
}

/** The receipts of a batch and what its signature covers; nothing of it is checked. */
export function splitBatch({ statements, signature }: ReceiptBatchFrame): {
  readonly transcript: Uint8Array<ArrayBuffer>
  readonly receipts: readonly BatchedReceipt[]
} {
  const encoded = statements.map(fromBase64Url)
  const { root, paths } = merkleTree(encoded.map(leafHash))
  const size = encoded.length
  const asText = nodeText()
  const receipts = encoded.map((bytes, index) => {
    const path = paths[index]?.map(asText) ?? []
    return { bytes, receipt: { statement: statements[index] ?? '', signature, index, size, path } }
  })
  return { transcript: batchTranscript(root, size), receipts }
}

/** Base64url of a tree's nodes, each of which is on many paths. */
function nodeText(): (node: Uint8Array) => string {
  const known = new Map<Uint8Array, string>()
  return (node) => {
    const text = known.get(node) ?? toBase64Url(node)
    known.set(node, text)
    return text
  }
}

export type ReceiptVerdict =
  | { readonly ok: true; readonly statement: ReceiptStatement }
  | { readonly ok: false; readonly reason: 'malformed' | 'path' | 'signature' }

/**
 * Checks one receipt offline. `malformed`: its bytes are no statement; `path`: index, size and path
 * do not fit each other; `signature`: the provider that the statement names did not sign this.
 */
export async function verifyReceipt(receipt: SignedReceipt): Promise<ReceiptVerdict> {
  const { index, size } = receipt
  const bytes = fromBase64Url(receipt.statement)
  const statement = parseStatement(bytes)
  if (statement === undefined) return { ok: false, reason: 'malformed' }
  const root = rootOfPath(leafHash(bytes), index, size, receipt.path.map(fromBase64Url))
  if (root === undefined) return { ok: false, reason: 'path' }
  const signature = fromBase64Url(receipt.signature)
  const transcript = batchTranscript(root, size)
  const good = await verifyPeerSignature(statement.provider, signature, transcript)
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

/** The bytes that a batch signs for a statement. */
export const encodeStatement = (statement: ReceiptStatement): Uint8Array<ArrayBuffer> =>
  encodeUtf8(JSON.stringify(statement))

/** Without padding. */
export const toBase64Url = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')

/** Decodes leniently, like `Buffer.from`; what it yields is checked by hash or signature. */
export const fromBase64Url = (text: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.from(text, 'base64url'))
