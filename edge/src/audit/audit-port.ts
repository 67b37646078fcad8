import type { AuditReport } from '@infernet/schemas/audit-report'
import type { JobId, LeaseId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { Calibration } from '@infernet/verification/evidence/calibration'
import type { Wealth } from '@infernet/verification/evidence/wealth'

/** `unopened`: the provider did not show what it had signed. */
export type AuditVerdict = 'pass' | 'fail' | 'inconclusive' | 'unopened'

/** What became of one selected answer. */
export interface Audit {
  readonly job: JobId
  readonly lease: LeaseId
  readonly provider: PeerId
  readonly model: string
  readonly spec: string
  readonly epoch: number
  /** 0 to 1. */
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
  /** Of the last audit, ms since the epoch. */
  readonly updatedAt: number
}

export interface AuditStore {
  /** Stores an audit, once per lease, and adds it to its provider's record in the same step. */
  record(audit: Audit): Promise<void>
  /** Of all the specs that a provider was ever audited for. */
  recordsOf(provider: PeerId): Promise<readonly SpecRecord[]>
  /** The audits of a job's leases. */
  auditsOf(job: JobId): Promise<readonly Audit[]>
  /** How much honest answers of a spec vary; undefined when nobody has measured it. */
  calibrationOf(spec: string): Promise<Calibration | undefined>
  setCalibration(spec: string, calibration: Calibration): Promise<void>
}
