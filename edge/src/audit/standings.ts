import type { PeerId } from '@infernet/schemas/peer-id'
import { auditRate, AUDIT_POLICY } from '@infernet/verification/audit/audit-rate'
import { SUSPENSION_MS } from '@infernet/verification/reputation/conduct'
import { suspicionOf } from '@infernet/verification/evidence/suspicion'
import type { Audit, AuditStore, SpecRecord } from './audit-port.ts'
import { afterAudit, newRecord } from './spec-record.ts'

export interface StandingsOptions {
  readonly store: Pick<AuditStore, 'recordsOf'>
  readonly onError: (error: unknown) => void
}

/**
 * Nothing is held back yet, so that what a provider could lose is not weighed: newcomers and suspects are
 * looked at most, as far as their record says.
 */
const POLICY = { ...AUDIT_POLICY, safetyFactor: 0 }

/** What a provider may do for a spec. */
export type Place = 'serving' | 'resting' | 'banned'

/** What is known of the providers that are here, by spec. Until it is, they count as newcomers. */
export class Standings {
  readonly #options: StandingsOptions
  readonly #records = new Map<PeerId, Map<string, SpecRecord>>()

  constructor(options: StandingsOptions) {
    this.#options = options
  }

  /** Never rejects. */
  async load(provider: PeerId): Promise<void> {
    const records = new Map<string, SpecRecord>()
    this.#records.set(provider, records)
    try {
      const loaded = await this.#options.store.recordsOf(provider)
      // An answer that was judged meanwhile may be in both: what was loaded has all before it.
      for (const record of loaded) records.set(record.spec, record)
    } catch (error) {
      this.#options.onError(error)
    }
  }

  forget(provider: PeerId): void {
    this.#records.delete(provider)
  }

  add(audit: Audit): void {
    const records = this.#records.get(audit.provider)
    records?.set(audit.spec, afterAudit(records.get(audit.spec) ?? newRecord(audit.spec), audit))
  }

  /**
   * Whether it may serve a spec at `now` (ms since the epoch). Who is suspended rests for a day, and is then
   * looked at all the time; who is accused is not let in again.
   */
  placeOf(provider: PeerId, spec: string, now: number): Place {
    const { updatedAt, wealth } = this.#recordOf(provider, spec)
    const suspicion = suspicionOf(wealth)
    if (suspicion === 'accused') return 'banned'
    return suspicion === 'suspended' && now < updatedAt + SUSPENSION_MS ? 'resting' : 'serving'
  }

  /** The share of this provider's answers to look at, 0 to 1. */
  rateOf(provider: PeerId, spec: string): number {
    const { consecutiveValid, wealth } = this.#recordOf(provider, spec)
    const isSuspect = suspicionOf(wealth) !== 'clear'
    const unknown = { securedMsat: 0n, gainPerJobMsat: 0n, jobsToDetect: 1 }
    return auditRate({ consecutiveValid, isSuspect, ...unknown }, POLICY)
  }

  #recordOf(provider: PeerId, spec: string): SpecRecord {
    return this.#records.get(provider)?.get(spec) ?? newRecord(spec)
  }
}
