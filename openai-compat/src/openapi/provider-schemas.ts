import { gpuSchema, hardwareSchema } from '@infernet/schemas/hardware'
import { announcementSchema, ENDPOINTS, loadSchema } from '@infernet/schemas/wire'
import { z } from 'zod'

/** What the edge says about those who serve. */

const count = z.int().min(0)
const unixSeconds = z.int().min(0).describe('Unix seconds')
const share = z.number().min(0).max(1)
const ms = z
  .object({ p50: count, p90: count, p99: count })
  .nullable()
  .describe('ms, of streams and whole answers that nobody else was asked for before')
const perToken = z
  .string()
  .regex(/^\d+(\.\d+)?$/)
  .describe('msat, a decimal')
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

const offerSchema = z.object({
  id: z.string(),
  context_length: count,
  pricing: z.object({ prompt: perToken, completion: perToken }),
  quantization: z.string().nullable(),
  capabilities: z.array(z.string()),
  endpoints: z.array(z.enum(ENDPOINTS)),
  spec: sha256.nullable().describe('What its answers are audited for; null: nothing'),
})

const jobsSchema = z.object({
  since: unixSeconds.describe('Unix seconds; its latest jobs, 200 at most, of the last 7 days'),
  completed: count,
  failed: count.describe('By its fault'),
  completion_rate: share.nullable(),
  prompt_tokens: count,
  completion_tokens: count,
  first_byte_ms: ms,
  total_ms: ms,
})

const specAuditsSchema = z.object({
  spec: sha256,
  passed: count,
  failed: count,
  inconclusive: count,
  unopened: count,
  consecutive_valid: count.describe('Good ones since the last that was not'),
  log_wealth: z
    .number()
    .describe('ln of the evidence against it, of its lifetime or of late; honest ones stay low'),
  rate: share.describe('Share of its answers that are drawn for audits now'),
})

const provider = {
  id: z.string().describe('Peer id: what `provider.order` and its kin name'),
  object: z.literal('provider'),
  online: z.boolean(),
  first_seen_at: unixSeconds,
  last_seen_at: unixSeconds,
  standing: z.enum(['clear', 'watched', 'suspended', 'accused', 'slashed', 'banned']),
  standing_since: unixSeconds.nullable().describe('Unix seconds; null: from the beginning'),
  offences: count.describe('Confirmed, and not undone by an appeal'),
  score: z.number().min(0).describe('integrity² · completion · √uptime · √speed · reliability'),
  reputation: z.object({
    integrity: share.describe('Share of good audits that one can count on'),
    completion: share.describe('Share of jobs that one can count on to be finished'),
    uptime: share.describe('Of the last 7 days, or since it came'),
    speed: z.number().min(0).describe('1: as fast as most that serve the same model'),
    reliability: share.nullable().describe('Of its jobs in the last minutes; null while offline'),
  }),
  slots: count.describe('Jobs that it runs at once'),
  models: z.array(offerSchema),
  jobs: jobsSchema,
  audits: z.array(specAuditsSchema),
}

const slashSchema = z.object({
  id: z.string(),
  state: z.enum(['open', 'appealed', 'due', 'final', 'lifted']),
  model: z.string(),
  opened_at: unixSeconds,
  appeal_until: unixSeconds,
  evidence_sha256: sha256,
  evidence_url: z.string(),
  evidence_open: z.boolean().describe('Anybody may read the evidence'),
})

/** Nobody needs to know by what a card is told from others, and whoever does could claim it. */
const shownHardwareSchema = hardwareSchema.extend({
  gpus: z.array(gpuSchema.omit({ id_sha256: true })),
})

const sharedGpuSchema = z.object({
  provider: z.string(),
  rests: z
    .boolean()
    .describe('It gets no jobs while the other is connected, until then; else the other'),
  since: unixSeconds,
  until: unixSeconds,
})

export const providerSchema = z.object({
  ...provider,
  load: loadSchema
    .omit({ cache_since: true })
    .nullable()
    .describe('As it says, unchecked; what is absent is unknown. null: it has not said'),
  hardware: shownHardwareSchema
    .nullable()
    .describe(
      'As it says, unchecked; `measured` is what its agent has seen. null: it does not say',
    ),
  announcement: announcementSchema
    .nullable()
    .describe(
      "What it offers and says of its machine, as it was signed last: base64url of the record's JSON, and its Ed25519 signature over `infernet/capability/1`, a zero byte and that JSON. null: none is kept",
    ),
  shared_gpu: z
    .array(sharedGpuSchema)
    .describe('Challenges have found that it is one machine with these providers'),
  slashes: z.array(slashSchema),
})

export const providerListSchema = z.object({
  object: z.literal('list'),
  data: z.array(z.object(provider)),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
})
