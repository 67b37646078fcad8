import type { AuditSource, Refusal } from '@infernet/schemas/audit-report'
import type { Opening } from '@infernet/schemas/audit-wire'
import type { LeaseId } from '@infernet/schemas/ids'
import { specIdOf } from '@infernet/schemas/model-spec'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { ReceiptStatement, SignedReceipt } from '@infernet/schemas/receipt'
import { slashIdOf } from '@infernet/schemas/slash-facts'
import type { ModelOffer } from '@infernet/schemas/wire'
import { epochOfJob } from '@infernet/verification/audit/audit-epoch'
import { speedLimit } from '@infernet/verification/plausibility/speed-limit'
import type { ConductTimes } from '@infernet/verification/reputation/conduct'
import { evidenceHash } from '@infernet/verification/verdict/audit-evidence'
import { unclaimed, unopened, type Judgement } from '@infernet/verification/verdict/judge'
import { silence } from '@infernet/verification/verdict/silence'
import type { EdgeEvents } from '../events.ts'
import type { Verification } from '../ports.ts'
import type { AuditCase, Drawn, EndedAnswer, SelectedAnswer } from './audit-case.ts'
import type { AuditKeys } from './audit-keys.ts'
import { MAX_AUDITS_UNDER_WAY, OPENING_WAIT_MS, STANDING_WAIT_MS } from './audit-limits.ts'
import type { Audit, AuditStore, ConductChange } from './audit-port.ts'
import { AuditWriter } from './audit-writer.ts'
import { Connections } from './connections.ts'
import { convictingEvidence } from './conviction.ts'
import type { Proof } from './evidence-of.ts'
import { Examiner, unjudged } from './examiner.ts'
import { Glances } from './glances.ts'
import { Standings, type Place } from './standings.ts'
import type { Verifiers } from './verifiers.ts'

export interface AuditDeskOptions {
  readonly keys: AuditKeys
  readonly store: AuditStore
  /** Asks a provider to open what it signed; false when it is not connected. */
  readonly ask: (provider: PeerId, lease: LeaseId) => boolean
  /** Runs `task` once after `delayMs`. */
  readonly later: (task: () => void, delayMs: number) => void
  /** ms since the epoch. */
  readonly now: () => number
  readonly times: ConductTimes
  readonly verifiers: Verifiers
  readonly events: Pick<EdgeEvents, 'promptChecked'>
  readonly onJudged: (audit: Audit) => void
  /** Receipts have come that the database could not take yet. */
  readonly areReceiptsKept: () => boolean
  /** What is known of a provider has come, or changed: see {@link AuditDesk.placeOf}. */
  readonly onStanding: (provider: PeerId) => void
  readonly onError: (error: unknown) => void
}

/** Of a selected answer that is to be looked at whatever the epoch's key says. */
const SOURCES: Record<Verification['mode'], AuditSource> = {
  none: 'sample',
  sampled: 'sample',
  strict: 'strict',
  canary: 'canary',
}

/**
 * Audits answers: selects some when they are over, by a key that nobody else knows; has what their receipts
 * commit to opened and examined; and writes the verdict down with what follows from it. A process that dies
 * forgets the audits that were under way: what was selected says nothing of a provider until it is judged.
 */
export class AuditDesk {
  readonly #options: AuditDeskOptions
  readonly #standings: Standings
  readonly #examiner: Examiner
  /** Insertion order is age. */
  readonly #cases = new Map<LeaseId, AuditCase>()
  readonly #connections = new Connections()
  readonly #glances: Glances
  readonly #writer: AuditWriter

  constructor(options: AuditDeskOptions) {
    this.#options = options
    this.#standings = new Standings(options)
    this.#examiner = new Examiner(options)
    this.#writer = new AuditWriter(options)
    this.#glances = new Glances({
      ...options,
      isKept: ({ provider, connection }) => this.#connections.isKept(provider, connection),
      onSuspect: (drawn, statement, receipt) => {
        this.#select(drawn)
        this.#askFor(statement, receipt)
      },
    })
  }

  /** Audits under way. */
  get size(): number {
    return this.#cases.size
  }

  /**
   * A provider has come: what is known of it is asked for. One that `isNew` gets no jobs until then, unless
   * the database is slow; one that was here before our last sleep does.
   */
  joined(provider: PeerId, isNew: boolean, connection: object): void {
    const { later, onStanding } = this.#options
    this.#connections.joined(provider, connection)
    void this.#standings.load(provider, isNew).then(() => onStanding(provider))
    if (!isNew) return
    later(() => {
      if (this.#standings.stopWaiting(provider)) onStanding(provider)
    }, STANDING_WAIT_MS)
  }

  /** Where a provider wants to be paid: whoever was banned is not let in under another name. */
  paidTo(provider: PeerId, destination: string): void {
    const { onError, onStanding, store } = this.#options
    const shun = (isShunned: boolean): void => {
      if (!isShunned) return
      this.#standings.shun(provider)
      onStanding(provider)
    }
    store.isShunned(provider, destination).then(shun, onError)
  }

  /** What a provider may do now. */
  placeOf(provider: PeerId): Place {
    return this.#standings.placeOf(provider)
  }

  /** The share of a provider's answers that is looked at, 0 to 1. */
  rateOf(provider: PeerId, spec: string): number {
    return this.#standings.rateOf(provider, spec)
  }

  /** How far a provider's answers to what it offers have proven to be what they should be, 0 to 1. */
  trustOf(provider: PeerId, { spec }: ModelOffer): number {
    return this.#standings.trustOf(provider, spec && specIdOf(spec))
  }

  /** What it has opened is judged all the same, and counts. */
  left(provider: PeerId): void {
    this.#connections.left(provider)
    this.#forgetAbsent(provider)
  }

  #forgetAbsent(provider: PeerId): void {
    const isWaiting = [...this.#cases.values()].some(({ answer }) => answer.provider === provider)
    if (this.#connections.has(provider) || isWaiting) return
    this.#standings.forget(provider)
    this.#connections.forget(provider)
  }

  /**
   * An answer is over; undefined when it is not looked at. Offers without a spec promise nothing that could be
   * checked.
   */
  ended(answer: EndedAnswer): SelectedAnswer | undefined {
    const { hardware, offer, provider, job, verification } = answer
    const mode = verification?.mode ?? 'sampled'
    if (offer.spec === undefined || mode === 'none') return undefined
    const { keys, verifiers } = this.#options
    const spec = specIdOf(offer.spec)
    const rate = this.#standings.rateOf(provider, spec)
    const limit = speedLimit(hardware, offer.spec.backend, verifiers.tokenBytesOf(spec))
    const timed = { ...answer, maxTokensPerSecond: limit }
    const drawn = { answer: timed, modelSpec: offer.spec, spec, rate }
    if (mode !== 'sampled' || keys.selects(job, rate)) return this.#select(drawn)
    this.#glances.add(drawn)
    return undefined
  }

  #select(drawn: Drawn): SelectedAnswer {
    const { answer } = drawn
    const { lease } = answer
    const { promise, resolve } = Promise.withResolvers<Audit>()
    const text = answer.deliveredText()
    const known = { ...answer, ...(text !== undefined && { text }) }
    this.#cases.set(lease, { ...drawn, answer: known, resolve })
    for (const [, oldest] of this.#cases) {
      if (this.#cases.size <= MAX_AUDITS_UNDER_WAY) break
      this.#close(oldest, unjudged('too many audits under way'))
    }
    this.#options.later(() => this.#late(lease), OPENING_WAIT_MS)
    return { verdict: promise }
  }

  /** A provider's receipt has been verified and stored. */
  receipt(statement: ReceiptStatement, receipt: SignedReceipt): void {
    this.#askFor(statement, receipt)
    this.#glances.receipt(statement, receipt)
  }

  /** Has an answer that is selected opened, now that it is signed. */
  #askFor(statement: ReceiptStatement, receipt: SignedReceipt): void {
    const found = this.#cases.get(statement.lease)
    if (found === undefined || found.signed !== undefined) return
    const { claim } = statement
    if (claim === undefined) return this.#close(found, unclaimed())
    if (claim.spec !== found.spec) return this.#close(found, unopened('another spec than offered'))
    found.signed = { statement: { ...statement, claim }, receipt }
    if (this.#options.ask(statement.provider, statement.lease)) {
      found.askedAt = this.#options.now()
    } else this.#close(found, unopened('the provider left before it was asked'))
  }

  /** What a provider shows; for leases that it was not asked about, nothing. */
  opened(provider: PeerId, { lease, transcript }: Opening): void {
    const found = this.#cases.get(lease)
    if (found?.signed === undefined || found.answer.provider !== provider) return
    if (found.isOpened === true) return
    if (transcript === undefined) return this.#close(found, unopened('its transcript is gone'))
    found.isOpened = true
    const { answer, spec, signed } = found
    void this.#examiner
      .examine({ answer, spec, ...signed, opened: transcript })
      .then(({ judgement, proof }) => this.#close(found, judgement, proof))
  }

  #late(lease: LeaseId): void {
    const found = this.#cases.get(lease)
    if (found === undefined || found.isOpened === true) return
    const { areReceiptsKept, later, now } = this.#options
    if (found.askedAt !== undefined) {
      const leftMs = found.askedAt + OPENING_WAIT_MS - now()
      if (leftMs > 0) return later(() => this.#late(lease), leftMs)
    } else if (areReceiptsKept()) return this.#close(found, unjudged('receipts are not stored'))
    const missing = found.signed === undefined ? 'no receipt came' : 'nothing was opened'
    this.#close(found, unopened(`${missing} within ${OPENING_WAIT_MS / 1000} s`))
  }

  #close(found: AuditCase, judged: Judgement, proof?: Proof): void {
    const { answer, spec, rate, resolve } = found
    const { job, lease, offer, provider, verification } = answer
    this.#cases.delete(lease)
    const isShown = judged.verdict !== 'unopened'
    const isCounted = isShown || this.#owes(found)
    const judgement = isShown || !isCounted ? judged : this.#unopened(found, judged)
    const audit: Audit = {
      job,
      lease,
      provider,
      model: offer.id,
      spec,
      epoch: epochOfJob(job),
      source: SOURCES[verification?.mode ?? 'sampled'],
      rate,
      ...judgement,
      judgedAt: this.#options.now(),
    }
    const convict = () => (audit.verdict === 'fail' ? this.#convict(found, proof) : undefined)
    if (isCounted) this.#add(audit, convict)
    resolve(audit)
    this.#forgetAbsent(provider)
  }

  /** An audit that was made elsewhere, of a provider that is here. */
  judged(audit: Audit): void {
    this.#add(audit, () => undefined)
  }

  #add(audit: Audit, convict: () => ConductChange | undefined): void {
    const conduct = this.#standings.add(audit)
    const change = convict() ?? (conduct && { conduct })
    this.#options.onJudged(audit)
    this.#options.onStanding(audit.provider)
    this.#writer.write(audit, change)
  }

  /** Not what it was about to show when it was sent away: it cannot any more, and its money stands still already. */
  #owes({ answer: { connection, provider } }: AuditCase): boolean {
    return this.placeOf(provider) !== 'banned' && this.#connections.counts(provider, connection)
  }

  #unopened(found: AuditCase, { report, ...judged }: Judgement): Judgement {
    const shown = { ...report, unopened: { refusal: this.#refusalIn(found) ?? null } }
    const before = this.#standings.unopenedInRow(found.answer.provider, found.spec)
    return silence({ ...judged, report: shown }, before)
  }

  /** Undefined where it has an excuse. */
  #refusalIn({ answer, askedAt, signed }: AuditCase): Refusal | undefined {
    if (!this.#connections.isKept(answer.provider, answer.connection)) return undefined
    if (signed === undefined || askedAt === undefined) return undefined
    return { receipt: signed.receipt, asked_at: askedAt }
  }

  /** One who is accused, and whose answer has failed by itself, or who has refused so often to show one. */
  #convict(found: AuditCase, proof: Proof | undefined): ConductChange | undefined {
    const { provider } = found.answer
    const refusals = this.#standings.refusalsOf(provider, found.spec)
    const evidence = convictingEvidence(found, proof, refusals)
    if (evidence === undefined) return undefined
    const hash = evidenceHash(evidence.json)
    const conduct = this.#standings.convict(provider, hash)
    if (conduct === undefined) return undefined
    const { isOpen, json } = evidence
    return { conduct, slash: { id: slashIdOf(hash), evidence: json, isOpen } }
  }
}
