import { z } from 'zod'
import { hardwareSchema } from './hardware.ts'
import { isJobId, isLeaseId } from './ids.ts'
import { splitLightningAddress } from './lightning-address.ts'
import {
  MAX_BOLT11_LENGTH,
  MAX_CAPABILITY_HIDDEN_BYTES,
  MAX_CAPABILITY_RECORD_BYTES,
  MAX_GATEWAY_SEED,
  MAX_MODELS_PER_PROVIDER,
  MAX_MODEL_NAME_LENGTH,
  MAX_OUTPUT_TOKENS,
  MAX_PAYOUT_ATTEMPT,
  MAX_PAYOUT_ID_LENGTH,
  MAX_PAYOUT_THRESHOLD_SAT,
  MAX_RECEIPTS_PER_BATCH,
  MAX_RECEIPT_STATEMENT_BYTES,
  MAX_SLOTS,
} from './limits.ts'
import { modelSpecSchema } from './model-spec.ts'
import { isPeerId } from './peer-id.ts'
import { decodeUtf8, encodeUtf8 } from './utf8.ts'

/** Protocol versions this build speaks. A hello names one version out of the challenge's range. */
export const PROTOCOL = { min: 1, max: 1 } as const
/** The WebSocket path on the edge, and the subprotocol both ends must name. */
export const PROVIDER_PATH = '/v1/providers/connect'
export const WS_SUBPROTOCOL = 'infernet.provider'

const count = z.int().nonnegative()
const peerId = z.string().refine(isPeerId, 'not an Ed25519 peer id')
const jobId = z.string().refine(isJobId, 'not a job id')
const leaseId = z.string().refine(isLeaseId, 'not a lease id')
const nonce = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'not 32 bytes of base64url')
const reason = z.string().max(512)

/** Unpadded base64url of at most `maxBytes` bytes. */
export const base64url = (maxBytes: number) =>
  z
    .string()
    .max(Math.ceil((maxBytes * 4) / 3))
    .regex(/^[A-Za-z0-9_-]*$/, 'not base64url')

/** msat per million tokens; an integer, so that cost is exact rational arithmetic. */
const pricePerMillion = z.int().nonnegative().max(1e12)
export const priceSchema = z.object({ prompt: pricePerMillion, completion: pricePerMillion })
export type Price = z.infer<typeof priceSchema>

/** The engine calls that a job can be; every client API is one of these to a provider. */
export const ENDPOINTS = ['chat.completions', 'completions', 'embeddings'] as const
export type Endpoint = (typeof ENDPOINTS)[number]

export const CAPABILITIES = [
  'tools',
  'json_schema',
  'logprobs',
  'seed',
  'vision',
  'audio',
  'files',
  /** Goes on from a text that another provider began; see `jobHeaderSchema.continues`. */
  'continue',
  /** More than one choice per request. */
  'choices',
] as const
export type CapabilityName = (typeof CAPABILITIES)[number]

export const modelOfferSchema = z.object({
  id: z
    .string()
    .min(1)
    .max(MAX_MODEL_NAME_LENGTH)
    .regex(/^[\x21-\x7e]+$/, 'printable ASCII without spaces'),
  context_length: z.int().positive().max(1e8),
  price: priceSchema,
  capabilities: z.array(z.enum(CAPABILITIES)).max(CAPABILITIES.length),
  endpoints: z.array(z.enum(ENDPOINTS)).min(1).max(ENDPOINTS.length),
  /** Weight format in the words clients filter by, such as `fp16`, `int4`, `Q4_K_M`. */
  quantization: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,32}$/)
    .optional(),
  /** What exactly runs, where the agent knows: its answers can be verified. */
  spec: modelSpecSchema.optional(),
  /** Bytes of weights that the engine reads for each token at the least, where the agent knows. */
  token_bytes: z.int().positive().max(1e14).optional(),
})
export type ModelOffer = z.infer<typeof modelOfferSchema>

/** A Lightning node's key: a compressed point in lower-case hex. */
const nodeKey = z.string().regex(/^0[23][0-9a-f]{64}$/, "not a node's public key")

/** Where a provider wants its earnings, and when. The edge shows it to nobody. */
export const payoutWishesSchema = z
  .object({
    to: z.discriminatedUnion('kind', [
      z.object({
        kind: z.literal('lightning_address'),
        address: z
          .string()
          .refine((text) => splitLightningAddress(text) !== undefined, 'not a Lightning address'),
      }),
      z.object({ kind: z.literal('keysend'), pubkey: nodeKey }),
      /** The agent itself is asked for an invoice of its node, which has this key if it is given. */
      z.object({ kind: z.literal('invoice'), pubkey: nodeKey.optional() }),
    ]),
    /** Absent: as the operator has it. */
    when: z.enum(['at_once', 'threshold']).optional(),
    /** For `threshold`: from so much on. */
    threshold_sat: z.int().positive().max(MAX_PAYOUT_THRESHOLD_SAT).optional(),
  })
  .refine(({ when, threshold_sat }) => threshold_sat === undefined || when === 'threshold', {
    path: ['threshold_sat'],
    error: 'a threshold that nothing waits for',
  })
export type PayoutWishes = z.infer<typeof payoutWishesSchema>

/** The same, signed with the provider's key: see `payout-statement.ts`. */
export const payoutSchema = payoutWishesSchema.safeExtend({
  /** The agent's clock, ms since the epoch. */
  issued_at: count,
  signature: base64url(64),
})
export type Payout = z.infer<typeof payoutSchema>

/** What a provider can do now. Sent signed, in the hello and again whenever it changes. */
export const capabilitySchema = z.object({
  /** Absent: provider. A verifier is given answers to score, and no jobs. */
  role: z.enum(['provider', 'verifier']).optional(),
  models: z.array(modelOfferSchema).max(MAX_MODELS_PER_PROVIDER),
  /** Jobs it runs at once, over all models. */
  slots: z.int().positive().max(MAX_SLOTS),
  /** `allow`: the owner says that prompts may be kept. */
  data_collection: z.enum(['allow', 'deny']),
  engine: z.string().max(64),
  agent: z.string().max(64),
  /** Absent: the owner does not say. */
  hardware: hardwareSchema.optional(),
  /** Absent: its earnings wait at the edge. */
  payout: payoutSchema.optional(),
})
export type Capability = z.infer<typeof capabilitySchema>

/** What a provider has signed of its capability record, for anybody to check: see `signed-capability.ts`. */
export const announcementSchema = z.object({
  record: base64url(MAX_CAPABILITY_RECORD_BYTES),
  signature: base64url(64),
})
export type Announcement = z.infer<typeof announcementSchema>

/** The same as it travels to the edge, with what the edge shows to nobody. */
export const signedCapabilitySchema = announcementSchema.extend({
  hidden: base64url(MAX_CAPABILITY_HIDDEN_BYTES),
})
export type SignedCapability = z.infer<typeof signedCapabilitySchema>

export const challengeSchema = z.object({
  versions: z.object({ min: count, max: count }),
  /** Host name of the edge: binds the answer, so that a hostile edge cannot forward it. */
  audience: z.string().min(1).max(255),
  nonce,
  /** The edge's clock, ms since the epoch. */
  now: count,
})
export type Challenge = z.infer<typeof challengeSchema>

/** Read before the rest of a hello, whose shape belongs to its version. */
export const helloVersionSchema = z.looseObject({ version: count })

export const helloSchema = z.object({
  version: count,
  peer: peerId,
  nonce,
  timestamp: count,
  signature: z.string().max(128),
  capability: signedCapabilitySchema,
})
export type Hello = z.infer<typeof helloSchema>

export const welcomeSchema = z.object({
  version: count,
  session: z.string().max(64),
  ping_interval_ms: z.int().positive(),
  window_bytes: z.int().positive(),
})
export type Welcome = z.infer<typeof welcomeSchema>

/** Live load as the agent sees it, for jobs of every origin. What is absent is unknown. */
export const loadSchema = z.object({
  running: count,
  waiting: count,
  /** Jobs it runs at once now; absent: as its capability says. */
  slots: z.int().positive().max(MAX_SLOTS).optional(),
  /** Share of the engine's key-value cache that its answers take. */
  kv_use: z.number().min(0).max(1).optional(),
  /** Of one stream behind its first token, in the middle of the latest. */
  tokens_per_second: z.number().nonnegative().max(1e7).optional(),
  /** From a job to its first token, of the latest streams. */
  ttft_ms: z.object({ p50: count, p90: count, p99: count }).optional(),
  /**
   * When the engine last lost what it had cached of prompts, in ms of the agent's clock. Told by whether
   * it is the same as before, in an earlier connection too.
   */
  cache_since: count.optional(),
})
export type Load = z.infer<typeof loadSchema>

export const jobHeaderSchema = z
  .object({
    job: jobId,
    lease: leaseId,
    endpoint: z.enum(ENDPOINTS),
    /**
     * Another provider began this answer and failed. Chat: the last message is the assistant's, as far
     * as it was delivered; completions: the prompt ends with it. Only what follows is to be generated.
     */
    continues: z.boolean(),
    model: z.string().max(MAX_MODEL_NAME_LENGTH),
    /** What tokens are drawn with, unless the client's body has a seed of its own. */
    seed: z.int().nonnegative().max(MAX_GATEWAY_SEED),
    stream: z.boolean(),
    /** Whether the client wants the usage chunk; the agent always asks the engine for it. */
    include_usage: z.boolean(),
    /** The engine must stop here: the client has no money for more. */
    max_output_tokens: z.int().positive().max(MAX_OUTPUT_TOKENS),
    /** Time left, relative so that clocks do not matter. */
    deadline_ms: z.int().positive(),
    price: priceSchema,
  })
  .refine(({ job, lease }) => lease.startsWith(`${job}.`), {
    path: ['lease'],
    error: 'the lease is of another job',
  })
export type JobHeader = z.infer<typeof jobHeaderSchema>

export const busySchema = z.object({
  reason: z.enum(['slots', 'draining', 'model_unavailable']),
  retry_after_ms: count.max(600_000),
})
export type Busy = z.infer<typeof busySchema>

/** The engine has begun to answer. */
export const headSchema = z.object({ ttft_ms: count.optional() })

export const usageSchema = z.object({
  prompt_tokens: count,
  completion_tokens: count,
  cached_tokens: count.optional(),
})
export type JobUsage = z.infer<typeof usageSchema>

export const endSchema = z.object({
  usage: usageSchema,
  finish_reason: z.string().max(32),
  /** SHA-256, hex, over the payload bytes of the lease's data frames. */
  output_sha256: z.string().regex(/^[0-9a-f]{64}$/),
})
export type End = z.infer<typeof endSchema>

/**
 * `fault` says whose: `request` errors go to the client as they are and are never retried;
 * `provider` errors are retried elsewhere while nothing has been delivered.
 */
export const errorSchema = z.object({
  fault: z.enum(['request', 'provider']),
  code: z.string().max(64),
  message: z.string().max(2048),
  status: z.int().min(400).max(599).optional(),
  param: z.string().max(256).nullish(),
})
export type JobError = z.infer<typeof errorSchema>

export const cancelSchema = z.object({ reason })
export const drainSchema = z.object({ reason })

export const receiptsSchema = z.object({
  signature: base64url(64),
  /** Statements in tree order; the edge rebuilds the Merkle tree from them. */
  statements: z.array(base64url(MAX_RECEIPT_STATEMENT_BYTES)).min(1).max(MAX_RECEIPTS_PER_BATCH),
})
export type ReceiptBatchFrame = z.infer<typeof receiptsSchema>

export const receiptAckSchema = z.object({
  results: z
    .array(z.object({ lease: leaseId, status: z.enum(['stored', 'unknown']) }))
    .max(MAX_RECEIPTS_PER_BATCH),
})
export type ReceiptAck = z.infer<typeof receiptAckSchema>

/** Asks the agent for an invoice of its own node; the same payout and attempt again is the same invoice. */
export const invoiceRequestSchema = z.object({
  /** Names the answer. */
  id: count,
  payout: z
    .string()
    .max(MAX_PAYOUT_ID_LENGTH)
    .regex(/^[A-Za-z0-9_-]+$/, 'not the name of a payout'),
  attempt: z.int().positive().max(MAX_PAYOUT_ATTEMPT),
  /** Decimal. */
  amount_msat: z.string().regex(/^[1-9][0-9]{0,15}$/, 'not an amount in msat'),
})
export type InvoiceRequest = z.infer<typeof invoiceRequestSchema>

/** The invoice that was asked for, or why there is none: one of the two. */
export const invoiceSchema = z
  .object({
    id: count,
    bolt11: z
      .string()
      .max(MAX_BOLT11_LENGTH)
      .regex(/^ln[a-z0-9]+$/, 'not an invoice')
      .optional(),
    error: reason.optional(),
  })
  .refine(({ bolt11, error }) => (bolt11 === undefined) !== (error === undefined), {
    path: ['bolt11'],
    error: 'either an invoice or an error',
  })
export type InvoiceAnswer = z.infer<typeof invoiceSchema>

export class WireError extends Error {
  override readonly name = 'WireError'
  readonly code = 'bad_payload'
}

/** A control payload as bytes. */
export const encodeControl = (value: unknown): Uint8Array<ArrayBuffer> =>
  encodeUtf8(JSON.stringify(value))

/** Parses and validates a control payload. Throws {@link WireError} that names the field. */
export function decodeControl<T>(schema: z.ZodType<T>, payload: Uint8Array): T {
  let value: unknown
  try {
    value = JSON.parse(decodeUtf8(payload))
  } catch {
    throw new WireError('payload is not JSON')
  }
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new WireError(
    `${issue?.path.join('.') || 'payload'}: ${issue?.message ?? 'invalid'}`.slice(0, 200),
  )
}

/** A control record with bytes behind it: `u16 header length | header JSON | bytes`. */
export function encodeHeaded(header: unknown, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = encodeControl(header)
  const payload = new Uint8Array(2 + head.length + bytes.length)
  payload[0] = head.length >>> 8
  payload[1] = head.length
  payload.set(head, 2)
  payload.set(bytes, 2 + head.length)
  return payload
}

/** `bytes` is a view into `payload`. Throws {@link WireError}. */
export function decodeHeaded<T>(
  schema: z.ZodType<T>,
  payload: Uint8Array,
): { readonly header: T; readonly bytes: Uint8Array } {
  const length = ((payload[0] ?? 0) << 8) | (payload[1] ?? 0)
  if (payload.length < 2 + length) throw new WireError('payload is truncated')
  return {
    header: decodeControl(schema, payload.subarray(2, 2 + length)),
    bytes: payload.subarray(2 + length),
  }
}

/** Payload of a `job` frame: its header and the client's body. */
export const encodeJob = (header: JobHeader, body: Uint8Array): Uint8Array<ArrayBuffer> =>
  encodeHeaded(header, body)

/** `body` is a view into `payload`. Throws {@link WireError}. */
export function decodeJob(payload: Uint8Array): { header: JobHeader; body: Uint8Array } {
  const { header, bytes } = decodeHeaded(jobHeaderSchema, payload)
  return { header, body: bytes }
}
