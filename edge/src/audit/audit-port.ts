import type {
  AuditReport,
  AuditSource,
  AuditVerdict,
  Refusal,
} from '@infernet/schemas/audit-report'
import type { JobId, LeaseId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { Calibration } from '@infernet/verification/evidence/calibration'
import type { Conduct } from '@infernet/verification/reputation/conduct'
import type { Wealth } from '@infernet/verification/evidence/wealth'

/** What became of one selected answer. */
export interface Audit {
  readonly job: JobId
  readonly lease: LeaseId
  readonly provider: PeerId
  readonly model: string
  readonly spec: string
  readonly epoch: number
  readonly source: AuditSource
  /** The share of answers that were drawn then, 0 to 1. */
  readonly rate: number
  readonly verdict: AuditVerdict
  /** ln of the answer's e-value. */
  readonly logE: number
  readonly report: AuditReport
  /** ms since the epoch. */
  readonly judgedAt: number
}

/** How a provider has done with one spec. */
export interface SpecRecord {
  readonly spec: string
  readonly wealth: Wealth
  /** Good audits since the last one that was not. */
  readonly consecutiveValid: number
  readonly passed: number
  readonly failed: number
  readonly inconclusive: number
  readonly unopened: number
  /** Since the last one that was opened. */
  readonly unopenedInRow: number
  /** Of the last audit, ms since the epoch. */
  readonly updatedAt: number
  /** When the last job was ordered that left no doubt, ms since the epoch: see `trustedUntil` of verification. */
  readonly trustedUntil: number
}

/** What follows from an audit for its provider, beside what it adds to the record. */
export interface ConductChange {
  readonly conduct: Conduct
  /** The offence that it was convicted of just now. */
  readonly slash?: {
    readonly id: string
    /** An `AuditEvidence` of verification as JSON; its SHA-256 is what the conduct's penalty names. */
    readonly evidence: string
    readonly isOpen: boolean
  }
}

export interface AuditStore {
  /**
   * Stores an audit, once per lease, and adds it to its provider's record in the same step, with what follows from
   * it. A slash that is not final yet is not changed by others.
   */
  record(audit: Audit, change?: ConductChange): Promise<void>
  /** Undefined for good standing, from the beginning. */
  conductOf(provider: PeerId): Promise<Conduct | undefined>
  /**
   * Whether earnings of `provider` would go where those of a banned one went, unless it was here before that was
   * banned: anybody can name anybody's address.
   */
  isShunned(provider: PeerId, destination: string): Promise<boolean>
  /** Its accusation fell: gives it a new standing and lets the evidence start anew. */
  restart(provider: PeerId, conduct: Conduct): Promise<void>
  /** Of all the specs that a provider was ever audited for. */
  recordsOf(provider: PeerId): Promise<readonly SpecRecord[]>
  /** Of the `latest` answers of a spec that a provider did not show: those that it had no excuse for, oldest first. */
  refusalsOf(provider: PeerId, spec: string, latest: number): Promise<readonly Refusal[]>
  /** The audits of a job's leases. */
  auditsOf(job: JobId): Promise<readonly Audit[]>
  /** How much honest answers of a spec vary; undefined when nobody has measured it. */
  calibrationOf(spec: string): Promise<Calibration | undefined>
  setCalibration(spec: string, calibration: Calibration): Promise<void>
}
