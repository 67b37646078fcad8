import type { Hardware } from '@infernet/schemas/hardware'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { Announcement, ModelOffer } from '@infernet/schemas/wire'
import type { Wealth } from '@infernet/verification/evidence/wealth'
import type { AuditCounts } from '@infernet/verification/reputation/reputation-weight'
import type { Standing } from '@infernet/verification/reputation/standing'

/** For how long a provider was connected in one hour. */
export interface OnlineHour {
  readonly provider: PeerId
  /** When the hour began, ms since the epoch. */
  readonly hour: number
  readonly onlineMs: number
}

/** What the audits of one provider and spec have come to. */
export interface SpecAudits extends AuditCounts {
  readonly spec: string
  readonly inconclusive: number
  readonly consecutiveValid: number
  readonly wealth: Wealth
  /** The same verdicts of late, each by the weight that its age has left it. */
  readonly lately: AuditCounts
}

/** ms; of a hundred answers 50, 90 and 99 were no slower. */
export interface Percentiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
}

/** How fast the answers of one model were, in the middle. */
export interface ModelSpeed {
  readonly model: string
  readonly jobs: number
  readonly firstTokenMs: number
  /** Of whole answers, the wait included. */
  readonly tokensPerSecond: number
}

/** The latest jobs of a provider, at most {@link MAX_JOBS_LOOKED_AT} of the last {@link LOOK_BACK_MS}. */
export interface RecentJobs {
  /** When the oldest of them was ordered, ms since the epoch; undefined when there are none. */
  readonly since: number | undefined
  readonly completed: number
  /** By its fault; with parts of answers that others had to finish. */
  readonly failed: number
  readonly promptTokens: number
  readonly completionTokens: number
  readonly firstByteMs: Percentiles | undefined
  readonly totalMs: Percentiles | undefined
  readonly speeds: readonly ModelSpeed[]
}

/** What Postgres knows of a provider. Times in ms since the epoch. */
export interface ProviderRecord {
  readonly id: PeerId
  readonly models: readonly ModelOffer[]
  readonly slots: number
  /** As it says; undefined where it does not. */
  readonly hardware: Hardware | undefined
  readonly firstSeenAt: number
  readonly lastSeenAt: number
  readonly standing: Standing
  /** Since when; undefined for good standing, from the beginning. */
  readonly standingSince: number | undefined
  /** Confirmed, and not undone by an appeal. */
  readonly offences: number
  /** ms of the last {@link LOOK_BACK_MS}, as far as it is written down. */
  readonly onlineMs: number
  readonly audits: readonly SpecAudits[]
  readonly jobs: RecentJobs
}

export interface ProviderStore {
  /** Adds to what is known of these hours; never more than an hour has. */
  addOnlineTime(hours: readonly OnlineHour[]): Promise<void>
  /** Undefined for who never was here, and for verifiers. */
  findProvider(id: PeerId): Promise<ProviderRecord | undefined>
  /** The capability record that it signed last, as anybody may see it; undefined where none is kept. */
  announcementOf(id: PeerId): Promise<Announcement | undefined>
  /**
   * At most {@link MAX_RANKED_PROVIDERS}, in no order: half of them those audited last, so that no crowd of newcomers
   * hides them, then those that came last.
   */
  latestProviders(): Promise<readonly ProviderRecord[]>
}

/** 7 d: a weekend and a bad day show, and a bad month is forgiven. */
export const LOOK_BACK_MS = 7 * 86_400_000
/** For a 99th percentile that means something; what reading them costs Postgres is bounded by it. */
export const MAX_JOBS_LOOKED_AT = 200
/** Whose verdicts are weighed by age; older ones count for little. */
export const MAX_AUDITS_LOOKED_AT = 200
/** The edge's latest jobs in which parts are looked for that others had to finish. */
export const MAX_LEGS_LOOKED_AT = 2_000
/** Providers that are compared with each other. */
export const MAX_RANKED_PROVIDERS = 200
