import type { JobId, LeaseId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import { DbUnavailable } from '@infernet/settlement/db/db-port'
import type { Calibration } from '@infernet/verification/evidence/calibration'
import type { Audit, AuditStore, SpecRecord } from '../audit/audit-port.ts'
import { afterAudit, newRecord } from '../audit/spec-record.ts'

/** What the conformance suite of `db/` asks of the rows of audits. */
export class MemoryAudits implements AuditStore {
  /** Every call fails, as when Postgres cannot be reached. */
  down = false
  readonly audits = new Map<LeaseId, Audit>()
  readonly #calibrations = new Map<string, Calibration>()
  readonly #records = new Map<PeerId, Map<string, SpecRecord>>()

  async record(audit: Audit): Promise<void> {
    this.#reach()
    if (this.audits.has(audit.lease)) return
    this.audits.set(audit.lease, audit)
    const { provider, spec } = audit
    const records = this.#records.get(provider) ?? new Map<string, SpecRecord>()
    records.set(spec, afterAudit(records.get(spec) ?? newRecord(spec), audit))
    this.#records.set(provider, records)
  }

  async recordsOf(provider: PeerId): Promise<readonly SpecRecord[]> {
    this.#reach()
    return [...(this.#records.get(provider)?.values() ?? [])]
  }

  async auditsOf(job: JobId): Promise<readonly Audit[]> {
    this.#reach()
    return [...this.audits.values()].filter((audit) => audit.job === job)
  }

  async calibrationOf(spec: string): Promise<Calibration | undefined> {
    this.#reach()
    return this.#calibrations.get(spec)
  }

  async setCalibration(spec: string, calibration: Calibration): Promise<void> {
    this.#reach()
    this.#calibrations.set(spec, calibration)
  }

  #reach(): void {
    if (this.down) throw new DbUnavailable('down')
  }
}
