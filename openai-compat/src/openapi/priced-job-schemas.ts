import { z } from 'zod'
import { PRICED_JOB_ENDPOINTS } from '../priced-job-endpoints.ts'
import { errorSchema } from './answers.ts'

/** Jobs of a fixed price: what clients order, and what they hear of it. */

const msatText = z.string().regex(/^\d+$/).describe('msat')
const sat = z.number().min(0).describe('sat')
const unixSeconds = z.int().min(0).describe('Unix seconds')

/** OpenAI's, for what a client may note on an object. */
const MAX_METADATA_PAIRS = 16
const MAX_METADATA_KEY_CHARS = 64
const MAX_METADATA_VALUE_CHARS = 512
const metadata = z
  .record(z.string().max(MAX_METADATA_KEY_CHARS), z.string().max(MAX_METADATA_VALUE_CHARS))
  .refine(
    (pairs) => Object.keys(pairs).length <= MAX_METADATA_PAIRS,
    `expected at most ${MAX_METADATA_PAIRS} pairs`,
  )

export const pricedJobRequestSchema = z.object({
  endpoint: z.enum(PRICED_JOB_ENDPOINTS),
  body: z
    .record(z.string(), z.unknown())
    .describe('A request of that endpoint; its answer is not streamed'),
  metadata: metadata.nullish().describe('Your own notes, at most 16'),
})

const GPU_SECONDS = z.int().min(1).describe('Time on GPUs, all of them together')

/** One of `gpu_seconds` and `flop`. */
export const computeQuoteRequestSchema = z.object({
  kind: z.literal('compute'),
  gpu_seconds: GPU_SECONDS.optional(),
  flop: z
    .string()
    .regex(/^[1-9][0-9]{0,23}$/)
    .optional()
    .describe('Floating point operations, a decimal string; instead of `gpu_seconds`'),
  memory_gib: z.int().min(0).max(1_048_576).optional(),
  seconds: z
    .int()
    .min(1)
    .max(31_536_000)
    .optional()
    .describe('How long the memory is needed; `gpu_seconds` where it is absent'),
})

export const computeQuoteSchema = z.object({
  object: z.literal('job.quote'),
  kind: z.literal('compute'),
  price_msat: msatText,
  price_sat: sat,
  fee_msat: msatText.describe('What the platform keeps of it, msat'),
  provider_msat: msatText.describe('What the provider gets of it, msat'),
  rates: z.object({
    gpu_hour_msat: msatText,
    gib_hour_msat: msatText,
    exaflop_msat: msatText.describe('For 10^18 operations, msat'),
  }),
  notice: z.string().describe('For people'),
})

export const pricedJobSchema = z.object({
  id: z.string(),
  object: z.literal('job'),
  endpoint: z.enum(PRICED_JOB_ENDPOINTS),
  model: z.string().describe('The one that is to answer'),
  status: z
    .enum([
      'quoted',
      'awaiting_payment',
      'queued',
      'running',
      'completed',
      'failed',
      'cancelled',
      'expired',
    ])
    .describe('`quoted`: the invoice is being made; `queued`: it is paid, nobody runs it yet'),
  price_msat: msatText,
  price_sat: sat,
  fee_msat: msatText.describe('What the platform keeps of the price, msat'),
  invoice: z.string().nullable().describe('A BOLT 11 hold invoice; null while it is being made'),
  payment: z.object({
    status: z
      .enum(['none', 'awaited', 'held', 'settled', 'cancelled'])
      .describe('`held`: nobody has the money yet; `cancelled`: the payer has it'),
    verdict: z.enum(['settle', 'cancel']).nullable().describe('What was decided'),
    reason: z
      .enum(['bad_verdict', 'withdrawn', 'guardian', 'auto_cancelled', 'expired'])
      .nullable()
      .describe('Why it goes back'),
    payment_hash: z.string().nullable(),
  }),
  created_at: unixSeconds,
  expires_at: unixSeconds.describe('Unix seconds; it can be paid until then'),
  finished_at: unixSeconds.nullable(),
  provider: z.string().nullable().describe('The peer id of who answered'),
  run: z.string().nullable().describe('The id for `GET /v1/receipts/{id}`'),
  result: z
    .unknown()
    .optional()
    .describe('The answer, once there is one; lists leave it out. Its `usage.cost` is 0'),
  error: errorSchema.shape.error.nullable(),
  metadata: z.record(z.string(), z.string()),
  network: z.string().nullable().describe('Of the Lightning node; null while it is away'),
  simulated: z.boolean().nullable().describe('`true`: nothing of this is real money'),
  notice: z.string().nullable().describe('For people'),
})

export const pricedJobListSchema = z.object({
  object: z.literal('list'),
  data: z.array(pricedJobSchema),
})
