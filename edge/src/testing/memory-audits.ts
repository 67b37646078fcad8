import type { Refusal } from '@infernet/schemas/audit-report'
import type { JobId, LeaseId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import { DbUnavailable } from '@infernet/settlement/db/db-port'
import { STARTING_WEALTH } from '@infernet/verification/evidence/wealth'
import type { Conduct } from '@infernet/verification/reputation/conduct'
import type { Calibration } from '@infernet/verification/evidence/calibration'
import type { Audit, AuditStore, ConductChange, SpecRecord } from '../audit/audit-port.ts'
import type { StoredSlash } from '../audit/slash-port.ts'
import { afterAudit, newRecord } from '../audit/spec-record.ts'

/** What the conformance suite of `db/` asks of the rows of audits. */
export class MemoryAudits implements AuditStore {
  /** Every call fails, as when Postgres cannot be reached. */
  down = false
  readonly audits = new Map<LeaseId, Audit>()
  readonly conducts = new Map<PeerId, Conduct>()
  /** Where providers are paid, and when they first came: of their own rows in Postgres. */
  readonly destinations = new Map<PeerId, string>()
  readonly firstSeen = new Map<PeerId, number>()
  readonly slashes = new Map<string, { slash: StoredSlash; readonly evidence: string }>()
  readonly #calibrations = new Map<string, Calibration>()
  readonly #records = new Map<PeerId, Map<string, SpecRecord>>()

  async record(audit: Audit, change?: ConductChange): Promise<void> {
    this.#reach()
    if (this.audits.has(audit.lease)) return
    this.audits.set(audit.lease, audit)
    const { provider, spec } = audit
    const records = this.#records.get(provider) ?? new Map<string, SpecRecord>()
    if (change !== undefined) this.#conducted(audit, change, records.get(spec)?.trustedUntil ?? 0)
    records.set(spec, afterAudit(records.get(spec) ?? newRecord(spec), audit))
    this.#records.set(provider, records)
  }

  async recordsOf(provider: PeerId): Promise<readonly SpecRecord[]> {
    this.#reach()
    return [...(this.#records.get(provider)?.values() ?? [])]
  }

  async conductOf(provider: PeerId): Promise<Conduct | undefined> {
    this.#reach()
    return this.conducts.get(provider)
  }

  async isShunned(provider: PeerId, destination: string): Promise<boolean> {
    this.#reach()
    return [...this.conducts].some(([banned, { standing, since }]) => {
      const isTheirs = this.destinations.get(banned) === destination
      const wasHere = (this.firstSeen.get(provider) ?? Infinity) <= since
      return standing === 'banned' && banned !== provider && isTheirs && !wasHere
    })
  }

  async restart(provider: PeerId, conduct: Conduct): Promise<void> {
    this.#reach()
    if (this.conducts.get(provider)?.standing !== 'accused') return
    this.conducts.set(provider, conduct)
    this.forget(provider)
  }

  /** An answer that has failed says nothing any more. */
  withdraw({ lease, provider, spec }: Pick<StoredSlash, 'lease' | 'provider' | 'spec'>): void {
    const audit = this.audits.get(lease)
    const record = this.#records.get(provider)?.get(spec)
    if (audit?.verdict !== 'fail' || record === undefined) return
    const report = { ...audit.report, reason: 'an appeal was upheld' }
    this.audits.set(lease, { ...audit, verdict: 'inconclusive', report })
    const { failed, inconclusive } = record
    const counts = { failed: failed - 1, inconclusive: inconclusive + 1 }
    this.#records.get(provider)?.set(spec, { ...record, ...counts })
  }

  /** The evidence against a provider starts anew. */
  forget(provider: PeerId): void {
    const records = this.#records.get(provider) ?? new Map<string, SpecRecord>()
    const anew = { wealth: STARTING_WEALTH, consecutiveValid: 0, unopenedInRow: 0 }
    for (const [spec, record] of records) records.set(spec, { ...record, ...anew })
  }

  #conducted(audit: Audit, { conduct, slash }: ConductChange, affectedFrom: number): void {
    const { lease, model, provider, spec } = audit
    if (this.conducts.get(provider)?.penalty !== undefined) return
    this.conducts.set(provider, conduct)
    const { penalty, since } = conduct
    if (slash === undefined || penalty === undefined) return
    const { id, evidence, isOpen } = slash
    const { appealUntil, evidence: evidenceSha256 } = penalty
    const what = {
      id,
      provider,
      spec,
      model,
      lease,
      state: 'open' as const,
      evidenceSha256,
      isOpen,
    }
    const when = { affectedFrom, openedAt: since, appealUntil, appealedAt: undefined }
    const open = { appeal: undefined, decidedAt: undefined }
    const taken = { refundedMsat: undefined, forfeitedMsat: undefined }
    this.slashes.set(id, { slash: { ...what, ...when, ...open, ...taken }, evidence })
  }

  async refusalsOf(provider: PeerId, spec: string, latest: number): Promise<readonly Refusal[]> {
    this.#reach()
    return [...this.audits.values()]
      .filter(
        (audit) => audit.provider === provider && audit.spec === spec && audit.report.unopened,
      )
      .toSorted((a, b) => a.judgedAt - b.judgedAt || (a.lease < b.lease ? -1 : 1))
      .slice(-latest)
      .flatMap(({ report }) => report.unopened?.refusal ?? [])
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
