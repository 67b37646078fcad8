import type { Gpu, Hardware } from '@infernet/schemas/hardware'
import type { PeerId } from '@infernet/schemas/peer-id'
import { specIdOf } from '@infernet/schemas/model-spec'
import type { Announcement, Load, ModelOffer } from '@infernet/schemas/wire'
import { logRecentWealth, logWealth, STARTING_WEALTH } from '@infernet/verification/evidence/wealth'
import type { SharedGpu } from '../ports.ts'
import type { StoredSlash } from '../audit/slash-port.ts'
import { rateOf } from '../audit/spec-record.ts'
import { priceJson } from '../price-json.ts'
import { unixSeconds } from '../unix-seconds.ts'
import { boundsOf, type ProviderFigures } from './provider-figures.ts'
import { LOOK_BACK_MS, type ProviderRecord, type SpecAudits } from './provider-port.ts'

/** A provider as anybody may see it. Nothing of where its money goes. */
function providerJson(figures: ProviderFigures, now: number) {
  const { record, presence, reputation, score } = figures
  const { integrity, completion } = boundsOf(figures)
  return {
    id: record.id,
    object: 'provider' as const,
    online: presence !== undefined,
    first_seen_at: unixSeconds(record.firstSeenAt),
    last_seen_at: unixSeconds(presence === undefined ? record.lastSeenAt : now),
    standing: record.standing,
    standing_since: record.standingSince === undefined ? null : unixSeconds(record.standingSince),
    offences: record.offences,
    score: rounded(score),
    reputation: {
      integrity: rounded(integrity),
      completion: rounded(completion),
      uptime: rounded(reputation.uptime),
      speed: rounded(reputation.speed),
      reliability: presence === undefined ? null : rounded(presence.reliability),
    },
    slots: record.slots,
    models: record.models.map(modelJson),
    jobs: jobsJson(record, now),
    audits: specsOf(record).map((audits) => auditsJson(audits, record)),
  }
}

/** What is only told of a single provider. */
export interface ProviderDetails {
  readonly announcement: Announcement | undefined
  readonly shared: readonly SharedGpu[]
  readonly slashes: readonly StoredSlash[]
}

/** The same with its machine, and what was proven against it. */
export const providerDetailJson = (
  figures: ProviderFigures,
  { announcement, shared, slashes }: ProviderDetails,
  now: number,
) => ({
  ...providerJson(figures, now),
  load: loadJson(figures.presence?.load),
  hardware: hardwareJson(figures.record.hardware),
  /** As the provider signed it; it has nothing in it that `hardwareJson` leaves out. */
  announcement: announcement ?? null,
  shared_gpu: shared.map(sharedJson),
  slashes: slashes.map(slashJson),
})

function loadJson(load: Load | undefined) {
  if (load === undefined) return null
  const { cache_since: _, ...shown } = load
  return shown
}

/** Without what tells its cards from others: or else anybody could claim them. */
const hardwareJson = (hardware: Hardware | undefined) =>
  hardware === undefined ? null : { ...hardware, gpus: hardware.gpus.map(gpuJson) }

function gpuJson(gpu: Gpu) {
  const { id_sha256: _, ...shown } = gpu
  return shown
}

const sharedJson = ({ isResting, other, since, until }: SharedGpu) => ({
  provider: other,
  rests: isResting,
  since: unixSeconds(since),
  until: unixSeconds(until),
})

const modelJson = (offer: ModelOffer) => ({
  id: offer.id,
  context_length: offer.context_length,
  pricing: priceJson(offer.price),
  quantization: offer.quantization ?? null,
  capabilities: offer.capabilities.toSorted(),
  endpoints: offer.endpoints.toSorted(),
  /** What its answers are audited for; null: it promises nothing that could be. */
  spec: offer.spec === undefined ? null : specIdOf(offer.spec),
})

function jobsJson({ firstSeenAt, jobs }: ProviderRecord, now: number) {
  const ended = jobs.completed + jobs.failed
  return {
    since: unixSeconds(jobs.since ?? Math.max(firstSeenAt, now - LOOK_BACK_MS)),
    completed: jobs.completed,
    failed: jobs.failed,
    completion_rate: ended === 0 ? null : rounded(jobs.completed / ended),
    prompt_tokens: jobs.promptTokens,
    completion_tokens: jobs.completionTokens,
    first_byte_ms: jobs.firstByteMs ?? null,
    total_ms: jobs.totalMs ?? null,
  }
}

/** What it was audited for, and what it will be. */
function specsOf({ audits, models }: ProviderRecord): SpecAudits[] {
  const offered = models.flatMap(({ spec }) => (spec === undefined ? [] : specIdOf(spec)))
  const known = new Map(audits.map((one) => [one.spec, one]))
  for (const spec of offered) if (!known.has(spec)) known.set(spec, unaudited(spec))
  return [...known.values()].toSorted((a, b) => (a.spec < b.spec ? -1 : 1))
}

const NONE = { passed: 0, failed: 0, unopened: 0 }
const unaudited = (spec: string): SpecAudits => ({
  ...NONE,
  spec,
  inconclusive: 0,
  consecutiveValid: 0,
  wealth: STARTING_WEALTH,
  lately: NONE,
})

function auditsJson(audits: SpecAudits, { standing }: ProviderRecord) {
  const { spec, passed, failed, unopened, inconclusive, consecutiveValid, wealth } = audits
  return {
    spec,
    passed,
    failed,
    inconclusive,
    unopened,
    consecutive_valid: consecutiveValid,
    log_wealth: rounded(Math.max(logWealth(wealth), logRecentWealth(wealth))),
    rate: rounded(rateOf(audits, standing)),
  }
}

const slashJson = (slash: StoredSlash) => ({
  id: slash.id,
  state: slash.state,
  model: slash.model,
  opened_at: unixSeconds(slash.openedAt),
  appeal_until: unixSeconds(slash.appealUntil),
  evidence_sha256: slash.evidenceSha256,
  evidence_url: `/v1/slashes/${slash.id}/evidence`,
  evidence_open: slash.isOpen,
})

/** One page of a list. Undefined when nothing in it has the id `after`. */
export function pageAfter(
  figures: readonly ProviderFigures[],
  { limit, after }: { readonly limit: number; readonly after: string | undefined },
): { readonly page: readonly ProviderFigures[]; readonly hasMore: boolean } | undefined {
  const before = after === undefined ? -1 : figures.findIndex(({ record }) => record.id === after)
  if (after !== undefined && before < 0) return undefined
  const page = figures.slice(before + 1, before + 1 + limit)
  return { page, hasMore: before + 1 + limit < figures.length }
}

const idOf = (figures: ProviderFigures | undefined): PeerId | null => figures?.record.id ?? null

export const providerListJson = (
  page: readonly ProviderFigures[],
  hasMore: boolean,
  now: number,
) => ({
  object: 'list' as const,
  data: page.map((figures) => providerJson(figures, now)),
  first_id: idOf(page[0]),
  last_id: idOf(page.at(-1)),
  has_more: hasMore,
})

/** Four digits: more would be noise. */
const rounded = (value: number): number => Math.round(value * 1e4) / 1e4
