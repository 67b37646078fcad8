import type { Opening } from '@infernet/schemas/audit-wire'
import type { JobId, LeaseId } from '@infernet/schemas/ids'
import { specIdOf } from '@infernet/schemas/model-spec'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { ReceiptStatement } from '@infernet/schemas/receipt'
import type { Claim, Transcript } from '@infernet/schemas/transcript'
import type { ModelOffer } from '@infernet/schemas/wire'
import { UNMEASURED, type Calibration } from '@infernet/verification/evidence/calibration'
import { epochOfJob } from '@infernet/verification/audit/audit-epoch'
import { forgetOldest } from '../hub/oldest-first.ts'
import type { AuditKeys } from './audit-keys.ts'
import {
  MAX_AUDITS_UNDER_WAY,
  OPENING_WAIT_MS,
  RECORD_TRIES,
  RECORD_RETRY_MS,
} from './audit-limits.ts'
import type { Audit, AuditStore } from './audit-port.ts'
import {
  disputed,
  judgeClaim,
  judgeScores,
  unclaimed,
  unopened,
  unscored,
  type DeliveredAnswer,
  type Judgement,
} from './judge.ts'
import { ScoreAskError } from './score-asks.ts'
import { Standings, type Place } from './standings.ts'
import type { Verifiers } from './verifiers.ts'

/** An answer that one provider gave alone, and that is over. */
export interface EndedAnswer extends DeliveredAnswer {
  readonly job: JobId
  readonly lease: LeaseId
  readonly provider: PeerId
  readonly offer: ModelOffer
}

export interface AuditDeskOptions {
  readonly keys: AuditKeys
  readonly store: AuditStore
  /** Asks a provider to open what it signed; false when it is not connected. */
  readonly ask: (provider: PeerId, lease: LeaseId) => boolean
  /** Runs `task` once after `delayMs`. */
  readonly later: (task: () => void, delayMs: number) => void
  /** ms since the epoch. */
  readonly now: () => number
  readonly verifiers: Verifiers
  readonly onJudged: (audit: Audit) => void
  /** What is known of a provider has come, or changed: see {@link AuditDesk.placeOf}. */
  readonly onStanding: (provider: PeerId) => void
  readonly onError: (error: unknown) => void
}

/** An answer that was selected and is not judged yet. */
interface Case {
  readonly answer: EndedAnswer
  readonly spec: string
  readonly rate: number
  /** Once its receipt is here, and its provider was asked. */
  statement?: ReceiptStatement & { readonly claim: Claim }
  /** It was opened in time; what a verifier says of it may take longer. */
  isOpened?: boolean
}

/**
 * Audits answers: selects some when they are over, by a key that nobody else knows; has what their receipts
 * commit to opened; judges that; and writes the verdict down. A process that dies forgets the audits that were under
 * way: what was selected says nothing of a provider until it is judged.
 */
export class AuditDesk {
  readonly #options: AuditDeskOptions
  readonly #standings: Standings
  /** Insertion order is age. */
  readonly #cases = new Map<LeaseId, Case>()

  constructor(options: AuditDeskOptions) {
    this.#options = options
    this.#standings = new Standings(options)
  }

  /** Audits under way. */
  get size(): number {
    return this.#cases.size
  }

  /** A provider has come: what is known of it will be asked for. */
  joined(provider: PeerId): void {
    const { onStanding } = this.#options
    void this.#standings.load(provider).then(() => onStanding(provider))
  }

  /** What a provider may do now with a model that it offers. */
  placeOf(provider: PeerId, { spec }: ModelOffer): Place {
    if (spec === undefined) return 'serving'
    return this.#standings.placeOf(provider, specIdOf(spec), this.#options.now())
  }

  left(provider: PeerId): void {
    this.#standings.forget(provider)
  }

  /** An answer is over; whether it was selected. Offers without a spec promise nothing that could be checked. */
  ended(answer: EndedAnswer): boolean {
    const { offer, provider, job, lease } = answer
    if (offer.spec === undefined) return false
    const { keys, later } = this.#options
    const spec = specIdOf(offer.spec)
    const rate = this.#standings.rateOf(provider, spec)
    if (!keys.selects(job, rate)) return false
    this.#cases.set(lease, { answer, spec, rate })
    forgetOldest(this.#cases, MAX_AUDITS_UNDER_WAY)
    later(() => this.#late(lease), OPENING_WAIT_MS)
    return true
  }

  /** A provider's receipt has been verified and stored. */
  receipt(statement: ReceiptStatement): void {
    const found = this.#cases.get(statement.lease)
    if (found === undefined || found.statement !== undefined) return
    const { claim } = statement
    if (claim === undefined) return this.#close(found, unclaimed())
    if (claim.spec !== found.spec) return this.#close(found, unopened('another spec than offered'))
    found.statement = { ...statement, claim }
    if (!this.#options.ask(statement.provider, statement.lease)) {
      this.#close(found, unopened('the provider left before it was asked'))
    }
  }

  /** What a provider shows; for leases that it was not asked about, nothing. */
  opened(provider: PeerId, { lease, transcript }: Opening): void {
    const found = this.#cases.get(lease)
    if (found?.statement === undefined || found.answer.provider !== provider) return
    if (found.isOpened === true) return
    if (transcript === undefined) return this.#close(found, unopened('its transcript is gone'))
    found.isOpened = true
    const judgement = judgeClaim(found.answer, found.statement, transcript)
    const isNext = judgement.verdict !== 'fail' && this.#options.verifiers.has(found.spec)
    if (!isNext) return this.#close(found, judgement)
    void this.#rescore(found, found.statement.claim, transcript, judgement)
  }

  /**
   * Has a verifier of the same spec compute the answer anew, and a failed one a second time: by another verifier
   * if there is one. Without any, what is known is the verdict. Never rejects.
   */
  async #rescore(found: Case, claim: Claim, opened: Transcript, earlier: Judgement): Promise<void> {
    try {
      const first = await this.#score(found.spec, claim, opened, earlier)
      if (first.judgement.verdict !== 'fail') return this.#close(found, first.judgement)
      const second = await this.#score(found.spec, claim, opened, earlier, first.verifier)
      const isConfirmed = second.judgement.verdict === 'fail'
      this.#close(found, isConfirmed ? second.judgement : disputed(second.judgement))
    } catch (error) {
      if (!(error instanceof ScoreAskError)) this.#options.onError(error)
      const reason = error instanceof Error ? error.message : String(error)
      this.#close(found, unscored(earlier, reason))
    }
  }

  async #score(
    spec: string,
    claim: Claim,
    opened: Transcript,
    earlier: Judgement,
    before?: PeerId,
  ): Promise<{ readonly verifier: PeerId; readonly judgement: Judgement }> {
    const answer = { prompt: opened.prompt, output: opened.positions.map(({ id }) => id) }
    const calibrating = this.#calibrationOf(spec)
    const { verifier, positions } = await this.#options.verifiers.score(spec, answer, before)
    const scores = { opened, scored: positions, verifier, calibration: await calibrating }
    return { verifier, judgement: judgeScores(earlier, claim, scores) }
  }

  /** Never rejects: without one, an answer is judged as a spec that nobody has measured. */
  async #calibrationOf(spec: string): Promise<Calibration> {
    const { store, onError } = this.#options
    try {
      return (await store.calibrationOf(spec)) ?? UNMEASURED
    } catch (error) {
      onError(error)
      return UNMEASURED
    }
  }

  #late(lease: LeaseId): void {
    const found = this.#cases.get(lease)
    if (found === undefined || found.isOpened === true) return
    const missing = found.statement === undefined ? 'no receipt came' : 'nothing was opened'
    this.#close(found, unopened(`${missing} within ${OPENING_WAIT_MS / 1000} s`))
  }

  #close({ answer, spec, rate }: Case, { verdict, logE, report }: Judgement): void {
    const { job, lease, offer, provider } = answer
    this.#cases.delete(lease)
    const audit: Audit = {
      job,
      lease,
      provider,
      model: offer.id,
      spec,
      epoch: epochOfJob(job),
      rate,
      verdict,
      logE,
      report,
      judgedAt: this.#options.now(),
    }
    this.#standings.add(audit)
    this.#options.onJudged(audit)
    this.#options.onStanding(provider)
    this.#record(audit, RECORD_TRIES)
  }

  /** Tried again a few times: of a sample, one may be lost. */
  #record(audit: Audit, tries: number): void {
    const { store, later, onError } = this.#options
    store.record(audit).catch((error: unknown) => {
      onError(error)
      if (tries > 1) later(() => this.#record(audit, tries - 1), RECORD_RETRY_MS)
    })
  }
}
