import { AUDIT_POLICY, SAFETY_FACTOR, type AuditPolicy } from '../audit/audit-rate.ts'
import { HOLDBACK_POLICY, type HoldbackPolicy } from '../reputation/holdback.ts'

/** What the operator decides. */
export interface MarketRules {
  readonly audit: AuditPolicy
  readonly holdback: HoldbackPolicy
  /** What an identity has to deposit before its first job, msat. */
  readonly bondMsat: bigint
  /** κ of the credit limit; undefined: no limit. */
  readonly creditFactor: bigint | undefined
}

export const DEFAULT_RULES: MarketRules = {
  audit: AUDIT_POLICY,
  holdback: HOLDBACK_POLICY,
  // 5,000 sat, some 5 USD: five hours of a busy provider, and little enough to begin with.
  bondMsat: 5_000_000n,
  creditFactor: BigInt(SAFETY_FACTOR),
}

/** Everything is paid out at once and nothing is ever at stake: how cheating is made to pay. */
export const CARELESS_RULES: MarketRules = {
  audit: { leastRate: 0, trustAfter: AUDIT_POLICY.trustAfter, safetyFactor: 0 },
  holdback: { holdMs: 0, newcomerHoldMs: 0, newcomerMs: 0 },
  bondMsat: 0n,
  creditFactor: undefined,
}

/** What the world is like. Amounts are msat. */
export interface MarketSetting {
  readonly days: number
  readonly honestProviders: number
  readonly honestVerifiers: number
  /** Jobs an hour: what clients want, and what one provider can do. */
  readonly demand: number
  readonly capacity: number
  readonly tokensPerJob: number
  /** Of a job: what its provider gets, the operator's fee, and what honest generation costs. */
  readonly netMsat: bigint
  readonly feeMsat: bigint
  readonly costMsat: bigint
  /** Of an audit: what its verifier gets, and what scoring costs. */
  readonly auditFeeMsat: bigint
  readonly auditCostMsat: bigint
  /** Of a verifier's work, transcripts that are known to be bad. */
  readonly knownBadShare: number
}

/**
 * 70B at $0.60 a million tokens and 1 sat = $0.001: 300 msat for 500 tokens, of which electricity and wear
 * take 60 %. Scoring costs a tenth of generating. A provider earns some 1,000 sat in a busy hour.
 */
export const DEFAULT_SETTING: MarketSetting = {
  days: 30,
  honestProviders: 4,
  honestVerifiers: 3,
  demand: 28_000,
  capacity: 4000,
  tokensPerJob: 500,
  netMsat: 297n,
  feeMsat: 3n,
  costMsat: 180n,
  auditFeeMsat: 30n,
  auditCostMsat: 18n,
  knownBadShare: 0.05,
}
