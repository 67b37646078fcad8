import { SAFETY_FACTOR } from '../audit/audit-rate.ts'

/** What a provider's choice between honesty and cheating hangs on. Amounts are msat. */
export interface Incentives {
  /** p: share of jobs that is audited. */
  readonly auditRate: number
  /** d: probability that an audit of a cheated job tells. */
  readonly power: number
  /** a: probability that an audit of an honest job tells falsely. */
  readonly falseAlarm: number
  /** ρ: share of audits that fall to a verifier which helps the cheat. */
  readonly corruptShare: number
  /** L: what being found out costs: holdback, bond, and what would have been earned later. */
  readonly lossMsat: number
  /** g: what one cheated job saves. */
  readonly gainMsat: number
}

/**
 * What honesty is worth beside cheating, msat per job: p·(d·(1-ρ) - a)·L - g. Above 0 the honest provider
 * earns more. What is audited and told falsely counts against us: it punishes honesty.
 */
export function honestyMarginMsat(incentives: Incentives): number {
  const { auditRate, lossMsat, gainMsat } = incentives
  return auditRate * edge(incentives) * lossMsat - gainMsat
}

/**
 * The rate above which honesty pays: g / ((d·(1-ρ) - a)·L). Above 1, or Infinity, when no rate suffices:
 * the loss is too small, or audits tell no more of cheats than of honest providers.
 */
export function leastAuditRate(incentives: Omit<Incentives, 'auditRate'>): number {
  const { gainMsat, lossMsat } = incentives
  if (gainMsat <= 0) return 0
  const worth = edge(incentives) * lossMsat
  return worth > 0 ? gainMsat / worth : Infinity
}

const edge = ({ power, corruptShare, falseAlarm }: Omit<Incentives, 'auditRate'>): number =>
  power * (1 - corruptShare) - falseAlarm

/** A cheat and how it is looked for. */
export interface Cheat {
  /** g, msat per job. */
  readonly gainMsat: number
  /** k: audited cheated jobs until it is found out. */
  readonly jobsToDetect: number
  readonly auditRate: number
}

/**
 * What a cheat gains until it is found out, msat: g·k/p. However rarely it cheats: it only takes longer, as
 * long as every audited job decides by itself.
 */
export const gainBeforeDetectionMsat = ({ gainMsat, jobsToDetect, auditRate }: Cheat): number =>
  (gainMsat * jobsToDetect) / auditRate

/** What bond and holdback have to be, msat: κ times that gain, and what is under way and not held yet. */
export const requiredSecurityMsat = (
  cheat: Cheat,
  inFlightMsat: number,
  factor = SAFETY_FACTOR,
): number => factor * gainBeforeDetectionMsat(cheat) + inFlightMsat

/**
 * What audits cost beside all that is computed, 0 to 1. `scoreCost`: re-scoring an answer beside generating
 * it, 0.01 to 0.1 on a GPU.
 */
export const auditCostShare = (auditRate: number, scoreCost: number): number =>
  auditRate * scoreCost

/** What a job costs its client. */
export interface Price {
  readonly usdPerMillionTokens: number
  readonly tokensPerJob: number
  /** The rate has to be said: it moves. */
  readonly usdPerSat: number
}

/** The price of a job, msat; not rounded, as it is for comparing and not for moving. */
export const jobPriceMsat = ({ usdPerMillionTokens, tokensPerJob, usdPerSat }: Price): number =>
  (usdPerMillionTokens * tokensPerJob) / 1e6 / (usdPerSat / 1000)
