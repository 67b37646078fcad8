import type { PeerId } from '@infernet/schemas/peer-id'
import { DbUnavailable } from '@infernet/settlement/db/db-port'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { Announcement, Capability } from '@infernet/schemas/wire'
import { decay, HALF_LIFE_MS } from '@infernet/verification/reputation/decayed-counts'
import { quantile } from '@infernet/verification/statistics/quantile'
import {
  LOOK_BACK_MS,
  MAX_JOBS_LOOKED_AT,
  type ModelSpeed,
  type OnlineHour,
  type Percentiles,
  type ProviderRecord,
  type ProviderStore,
  type RecentJobs,
  type SpecAudits,
} from '../reputation/provider-port.ts'
import type { MemoryAudits } from './memory-audits.ts'
import type { MemoryStore } from './memory-store.ts'

const HOUR_MS = 3_600_000
const FAULTS: ReadonlySet<string | null> = new Set(['provider_failed', 'provider_timeout'])

interface Seen {
  readonly capability: Capability
  readonly announcement: Announcement | undefined
  readonly firstSeenAt: number
  readonly lastSeenAt: number
}

/** What the conformance suite of `db/` asks of what is known of providers. */
export class MemoryProviders implements ProviderStore {
  readonly #rows: { readonly store: MemoryStore; readonly audits: MemoryAudits }
  readonly #now: () => number
  readonly #seen = new Map<PeerId, Seen>()
  readonly #hours = new Map<string, OnlineHour>()

  constructor(rows: { store: MemoryStore; audits: MemoryAudits }, now: () => number) {
    this.#rows = rows
    this.#now = now
  }

  seen(provider: PeerId, capability: Capability, at: number, signed?: Announcement): void {
    const before = this.#seen.get(provider)
    const firstSeenAt = before?.firstSeenAt ?? at
    const announcement = signed ?? before?.announcement
    this.#seen.set(provider, { capability, announcement, firstSeenAt, lastSeenAt: at })
  }

  async announcementOf(id: PeerId): Promise<Announcement | undefined> {
    this.#reach()
    return this.#seen.get(id)?.announcement
  }

  async addOnlineTime(hours: readonly OnlineHour[]): Promise<void> {
    this.#reach()
    for (const { provider, hour, onlineMs } of hours) {
      const key = `${provider} ${hour}`
      const sum = onlineMs + (this.#hours.get(key)?.onlineMs ?? 0)
      this.#hours.set(key, { provider, hour, onlineMs: Math.min(HOUR_MS, sum) })
    }
  }

  async latestProviders(): Promise<readonly ProviderRecord[]> {
    this.#reach()
    const found = await Promise.all([...this.#seen.keys()].map((id) => this.findProvider(id)))
    return found.filter((record) => record !== undefined)
  }

  async findProvider(id: PeerId): Promise<ProviderRecord | undefined> {
    this.#reach()
    const seen = this.#seen.get(id)
    if (seen === undefined || seen.capability.role === 'verifier') return undefined
    const { capability, firstSeenAt, lastSeenAt } = seen
    const conduct = this.#rows.audits.conducts.get(id)
    const hours = [...this.#hours.values()].filter(
      ({ provider, hour }) => provider === id && hour >= this.#now() - LOOK_BACK_MS,
    )
    return {
      id,
      models: capability.models,
      slots: capability.slots,
      hardware: capability.hardware,
      firstSeenAt,
      lastSeenAt: Math.max(lastSeenAt, ...hours.map(({ hour }) => hour)),
      standing: conduct?.standing ?? 'clear',
      standingSince: conduct?.since,
      offences: conduct?.offences ?? 0,
      onlineMs: hours.reduce((sum, { onlineMs }) => sum + onlineMs, 0),
      audits: await this.#auditsOf(id),
      jobs: this.#jobsOf(id),
    }
  }

  #reach(): void {
    if (this.#rows.store.down) throw new DbUnavailable('down')
  }

  async #auditsOf(id: PeerId): Promise<SpecAudits[]> {
    const { audits } = this.#rows
    const own = [...audits.audits.values()].filter(({ provider }) => provider === id)
    return (await audits.recordsOf(id)).map((record) => {
      const { spec, passed, failed, unopened, inconclusive, consecutiveValid, wealth } = record
      const weigh = (verdict: string) =>
        own
          .filter((audit) => audit.spec === spec && audit.verdict === verdict)
          .reduce((sum, { judgedAt }) => sum + decay(this.#now() - judgedAt, HALF_LIFE_MS), 0)
      const lately = { passed: weigh('pass'), failed: weigh('fail'), unopened: weigh('unopened') }
      const counts = { passed, failed, unopened, inconclusive, consecutiveValid }
      return { spec, ...counts, wealth, lately }
    })
  }

  #jobsOf(id: PeerId): RecentJobs {
    const all = [...this.#rows.store.ledger.values()].flatMap(({ job }) => job ?? [])
    const jobs = all
      .filter((job) => job.providerId === id && job.createdAt >= this.#now() - LOOK_BACK_MS)
      .toSorted((a, b) => b.createdAt - a.createdAt)
      .slice(0, MAX_JOBS_LOOKED_AT)
    const since = jobs.at(-1)?.createdAt
    const parts = all
      .filter(({ createdAt }) => createdAt >= (since ?? this.#now() - LOOK_BACK_MS))
      .flatMap(({ priorLegs }) => priorLegs.filter(({ providerId }) => providerId === id))
    const faults = jobs.filter((job) => job.status === 'failed' && FAULTS.has(job.errorCode))
    const first = jobs.filter(({ attempts }) => attempts === 1)
    const completed = first.filter(({ status }) => status === 'completed')
    const tokens = (of: 'promptTokens' | 'completionTokens') =>
      jobs.reduce(
        (sum, job) => job.priorLegs.reduce((left, leg) => left - leg[of], sum + job[of]),
        0,
      )
    return {
      since,
      completed: jobs.filter(({ status }) => status === 'completed').length,
      failed: faults.length + parts.length,
      promptTokens: tokens('promptTokens'),
      completionTokens: tokens('completionTokens'),
      firstByteMs: percentiles(
        first.flatMap(({ stream, firstByteMs }) => (stream ? (firstByteMs ?? []) : [])),
      ),
      totalMs: percentiles(completed.map(({ totalMs }) => totalMs)),
      speeds: speedsOf(
        completed.filter(({ stream, firstByteMs }) => stream && firstByteMs !== null),
      ),
    }
  }
}

const middle = (values: readonly number[], share = 0.5): number =>
  quantile(
    values.toSorted((a, b) => a - b),
    share,
  )

const percentiles = (values: readonly number[]): Percentiles | undefined =>
  values.length === 0
    ? undefined
    : { p50: middle(values), p90: middle(values, 0.9), p99: middle(values, 0.99) }

const speedsOf = (jobs: readonly JobRecord[]): ModelSpeed[] =>
  [...Map.groupBy(jobs, ({ model }) => model)].map(([model, of]) => ({
    model,
    jobs: of.length,
    firstTokenMs: middle(of.map(({ firstByteMs }) => firstByteMs ?? 0)),
    tokensPerSecond: middle(of.map((job) => (job.completionTokens * 1000) / job.totalMs)),
  }))
