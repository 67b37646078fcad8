import type { PayoutState } from '@infernet/schemas/payout-state'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { Standing } from '@infernet/verification/reputation/standing'

export interface EarningsDay {
  /** UTC, `2026-11-26`. */
  readonly date: string
  readonly jobs: number
  readonly earnedMsat: bigint
  readonly lostMsat: bigint
}

export interface EarningsPayout {
  readonly id: string
  readonly amountMsat: bigint
  readonly state: PayoutState
  readonly failure: string | null
  /** ms since the epoch. */
  readonly createdAt: number
  readonly finishedAt: number | null
}

/** What a provider has earned and been paid, the platform's fee taken off. */
export interface ProviderEarnings {
  readonly standing: Standing
  readonly pendingMsat: bigint
  /** The part of `pendingMsat` that an audit, a slash or the standing keeps back. */
  readonly heldMsat: bigint
  readonly payableMsat: bigint
  readonly inFlightMsat: bigint
  readonly paidMsat: bigint
  readonly earnedMsat: bigint
  readonly lostMsat: bigint
  readonly jobs: number
  /** Since when the sums are complete, ms since the epoch; null: since the beginning. */
  readonly since: number | null
  /** The last {@link EARNINGS_DAYS}, the latest first, without those that earned nothing. */
  readonly days: readonly EarningsDay[]
  /** The latest first, {@link MAX_EARNINGS_PAYOUTS} at most. */
  readonly payouts: readonly EarningsPayout[]
}

export interface EarningsStore {
  /** All zero for who has earned nothing. */
  earningsOf(provider: PeerId): Promise<ProviderEarnings>
}

/** Days that are told one by one. */
export const EARNINGS_DAYS = 30
/** Payouts that are told one by one. */
export const MAX_EARNINGS_PAYOUTS = 10
/** Lines of each account, and payouts, that sums are made of: some 50,000 jobs, a second of a busy Postgres. */
export const MAX_EARNINGS_LINES = 100_000
