import { SAFETY_FACTOR } from '../audit/audit-rate.ts'

/** What a provider has with us, msat. */
export interface Security {
  readonly bondMsat: bigint
  /** Earned and not paid out. */
  readonly heldMsat: bigint
  /** That part of it which no verdict covers yet: money that may turn out to be its clients'. */
  readonly unverifiedMsat: bigint
}

/** B: what a slash could take that is surely the provider's own, msat. */
export function securityOf({ bondMsat, heldMsat, unverifiedMsat }: Security): bigint {
  const own = bondMsat + heldMsat - unverifiedMsat
  return own > 0n ? own : 0n
}

/**
 * The most that a provider may have earned without a verdict at any time, msat: B/κ. A new identity has its
 * bond only and so gets work slowly until its holdback grows; this, not the score, keeps throw-away
 * identities from being worth anything.
 */
export const creditLimitMsat = (security: Security, factor = BigInt(SAFETY_FACTOR)): bigint =>
  securityOf(security) / factor

/** Whether a job that can cost up to `mostMsat` still fits under the limit. */
export const hasCredit = (security: Security, mostMsat: bigint): boolean =>
  security.unverifiedMsat + mostMsat <= creditLimitMsat(security)
