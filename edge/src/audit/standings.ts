import { isUnopened, type Refusal } from '@infernet/schemas/audit-report'
import type { PeerId } from '@infernet/schemas/peer-id'
import { suspicionOf, type Suspicion } from '@infernet/verification/evidence/suspicion'
import {
  endsAt,
  goodConduct,
  nextConduct,
  type Conduct,
  type ConductTimes,
} from '@infernet/verification/reputation/conduct'
import { POWERS } from '@infernet/verification/reputation/standing'
import { MAX_REFUSALS } from '@infernet/verification/verdict/silence-evidence'
import type { Audit, AuditStore, SpecRecord } from './audit-port.ts'
import { afterAudit, newRecord, NEWCOMERS_TRUST, rateOf, trustIn } from './spec-record.ts'

export interface StandingsOptions {
  readonly store: Pick<AuditStore, 'recordsOf' | 'conductOf' | 'refusalsOf' | 'restart'>
  readonly times: ConductTimes
  /** ms since the epoch. */
  readonly now: () => number
  readonly onError: (error: unknown) => void
}

/** What a provider may do: `resting` gets no jobs and stays, `banned` is sent away, as is who would be paid in place of one. */
export type Place = 'serving' | 'resting' | 'banned' | 'shunned'

interface Known {
  /** Its earnings would go to one who was banned. */
  isShunned?: boolean
  /** It has just come, and what is known of it is on the way. */
  isAwaited: boolean
  readonly records: Map<string, SpecRecord>
  /** By spec, since the last answer that it has shown. */
  readonly refusals: Map<string, readonly Refusal[]>
  conduct: Conduct
}

/** What is known of the providers that are here. */
export class Standings {
  readonly #options: StandingsOptions
  readonly #known = new Map<PeerId, Known>()

  constructor(options: StandingsOptions) {
    this.#options = options
  }

  /** Never rejects. One that `isNew` rests meanwhile: it may be one that was sent away. */
  async load(provider: PeerId, isNew: boolean): Promise<void> {
    const { store, now, onError } = this.#options
    const conduct = goodConduct(now())
    const known: Known = { records: new Map(), refusals: new Map(), conduct, isAwaited: isNew }
    this.#known.set(provider, known)
    try {
      const [records, stored] = await Promise.all([
        store.recordsOf(provider),
        store.conductOf(provider),
      ])
      // An answer that was judged meanwhile may be in both: what was loaded has all before it.
      for (const record of records) known.records.set(record.spec, record)
      known.conduct = this.#conductBy(known, stored)
      await this.#loadRefusals(provider, known)
      if (stored?.standing === 'accused') await this.#fallen(provider, known)
    } catch (error) {
      onError(error)
    } finally {
      known.isAwaited = false
    }
  }

  async #loadRefusals(provider: PeerId, { records, refusals }: Known): Promise<void> {
    const silent = [...records.values()].filter(({ unopenedInRow }) => unopenedInRow > 0)
    await Promise.all(
      silent.map(async ({ spec, unopenedInRow }) => {
        const latest = Math.min(unopenedInRow, MAX_REFUSALS)
        refusals.set(spec, await this.#options.store.refusalsOf(provider, spec, latest))
      }),
    )
  }

  /** Takes a provider for a newcomer until it is known; false when it is known already. */
  stopWaiting(provider: PeerId): boolean {
    const known = this.#known.get(provider)
    if (known?.isAwaited !== true) return false
    known.isAwaited = false
    return true
  }

  /** What is stored, or what the records say that were written without what follows. */
  #conductBy({ conduct, records }: Known, stored: Conduct | undefined): Conduct {
    const worst = worstOf(records.values())
    if (worst === undefined) return stored ?? conduct
    const isNews = worst.updatedAt > (stored?.since ?? 0) && worst.consecutiveValid === 0
    if (stored !== undefined && !isNews) return stored
    const wealth = { type: 'wealth', wealth: worst.wealth } as const
    return nextConduct(stored ?? conduct, wealth, worst.updatedAt)
  }

  /** An accusation that was not confirmed in time falls, and with it the evidence. */
  async #fallen(provider: PeerId, known: Known): Promise<void> {
    const conduct = this.#timely(known.conduct)
    if (conduct === known.conduct) return
    await this.#options.store.restart(provider, conduct)
    known.conduct = conduct
    known.records.clear()
    known.refusals.clear()
  }

  /** Its earnings would go to one who was banned. */
  shun(provider: PeerId): void {
    const known = this.#known.get(provider)
    if (known !== undefined) known.isShunned = true
  }

  forget(provider: PeerId): void {
    this.#known.delete(provider)
  }

  /** Adds an audit to what is known; the new conduct, where it follows one. */
  add(audit: Audit): Conduct | undefined {
    const known = this.#known.get(audit.provider)
    if (known === undefined) return undefined
    const before = this.#recordOf(audit.provider, audit.spec)
    known.records.set(audit.spec, afterAudit(before, audit))
    const refusals = afterRefusal(known.refusals.get(audit.spec) ?? [], audit)
    known.refusals.set(audit.spec, refusals)
    const worst = worstOf(known.records.values()) ?? before
    const conduct = this.#timely(known.conduct)
    const next = nextConduct(conduct, { type: 'wealth', wealth: worst.wealth }, audit.judgedAt)
    // What speaks for it never makes it worse: who came back from a suspension is not sent off for it again.
    const isHarsh = audit.logE <= 0 && !POWERS[next.standing].takesJobs
    if (isHarsh || next === known.conduct) return undefined
    known.conduct = next
    return next
  }

  /** Its evidence, called `evidence`, was confirmed: the conduct that follows, where it is accused. */
  convict(provider: PeerId, evidence: string): Conduct | undefined {
    const known = this.#known.get(provider)
    if (known?.conduct.standing !== 'accused') return undefined
    const { now, times } = this.#options
    known.conduct = nextConduct(known.conduct, { type: 'confirmed', evidence }, now(), times)
    return known.conduct
  }

  placeOf(provider: PeerId): Place {
    const known = this.#known.get(provider)
    if (known?.isShunned === true) return 'shunned'
    if (known?.isAwaited === true) return 'resting'
    const { standing } =
      known === undefined ? { standing: 'clear' as const } : this.#timely(known.conduct)
    if (POWERS[standing].takesJobs) return 'serving'
    return standing === 'suspended' ? 'resting' : 'banned'
  }

  /** How far its answers of a spec are trusted, 0 to 1; without one, as a newcomer's. */
  trustOf(provider: PeerId, spec: string | undefined): number {
    const record = spec === undefined ? undefined : this.#known.get(provider)?.records.get(spec)
    return record === undefined ? NEWCOMERS_TRUST : trustIn(record)
  }

  /** Audits in a row that its provider did not open. */
  unopenedInRow(provider: PeerId, spec: string): number {
    return this.#recordOf(provider, spec).unopenedInRow
  }

  /** Answers that it had no excuse not to show, since the last one that it has shown, oldest first. */
  refusalsOf(provider: PeerId, spec: string): readonly Refusal[] {
    return this.#known.get(provider)?.refusals.get(spec) ?? []
  }

  /** The share of this provider's answers to look at, 0 to 1. */
  rateOf(provider: PeerId, spec: string): number {
    const standing = this.#known.get(provider)?.conduct.standing ?? 'clear'
    return rateOf(this.#recordOf(provider, spec), standing)
  }

  /** What becomes of a standing by time alone. */
  #timely(conduct: Conduct): Conduct {
    const { now, times } = this.#options
    const end = endsAt(conduct, times)
    // The settler ends a slash, which money hangs on.
    const isOver = end !== undefined && now() >= end && conduct.penalty === undefined
    return isOver ? nextConduct(conduct, { type: 'time_passed' }, now(), times) : conduct
  }

  #recordOf(provider: PeerId, spec: string): SpecRecord {
    return this.#known.get(provider)?.records.get(spec) ?? newRecord(spec)
  }
}

/** The refusals in a row after one more audit. One with an excuse neither counts nor ends it. */
function afterRefusal(refusals: readonly Refusal[], audit: Audit): readonly Refusal[] {
  if (!isUnopened(audit)) return []
  const refusal = audit.report.unopened?.refusal
  return refusal ? [...refusals, refusal].slice(-MAX_REFUSALS) : refusals
}

/** Undefined for none. */
const worstOf = (records: Iterable<SpecRecord>): SpecRecord | undefined =>
  [...records].toSorted((a, b) => gravityOf(b) - gravityOf(a))[0]

const GRAVITY: readonly Suspicion[] = ['clear', 'watched', 'suspended', 'accused']
const gravityOf = ({ wealth }: SpecRecord): number => GRAVITY.indexOf(suspicionOf(wealth))
