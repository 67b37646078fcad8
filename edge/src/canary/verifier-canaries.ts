import type { LeaseId } from '@infernet/schemas/ids'
import type { Position } from '@infernet/schemas/transcript'
import type { ModelOffer } from '@infernet/schemas/wire'
import {
  badTwinOf,
  repeatOf,
  verifierFault,
  type KnownAnswer,
  type VerifierCheck,
} from '@infernet/verification/canary/verifier-check'
import { UNMEASURED, type Calibration } from '@infernet/verification/evidence/calibration'
import { ScoreAskError } from '../audit/score-asks.ts'
import {
  Verifiers,
  type Contradiction,
  type Look,
  type Verifier,
  type VerifierScores,
  type VerifiersOptions,
} from '../audit/verifiers.ts'
import type { EdgeEvents } from '../events.ts'
import { MAX_CONTRADICTIONS } from './canary-limits.ts'
import { KnownScores } from './known-scores.ts'

export interface CheckedVerifiersOptions extends VerifiersOptions {
  /** Of what verifiers score, so much is followed by a check; 0 to 1. */
  readonly share: number
  /** ms since the epoch. */
  readonly now: () => number
  /** How much honest answers of a spec vary. */
  readonly calibrationOf: (spec: string) => Promise<Calibration | undefined>
  readonly events: Pick<
    EdgeEvents,
    'verifierAsked' | 'verifierChecked' | 'verifierRejected' | 'verifiersDisagree' | 'storeFailed'
  >
}

/** Checks after which a known answer gives way to the latest one: a verifier must not learn them all. */
const RENEWED_SHARE = 0.25

type Answer = Parameters<Verifiers['score']>[1]

/**
 * Verifiers that are checked now and then, after something that they have scored. The operator's own are asked things
 * whose answers are known from them: the same once more, or with a token replaced. Who contradicts itself, or what two
 * have said, is not asked any more on its connection. What one alone has said counts against itself only. Of outside
 * ones that could be told from what they are asked else, so an own one is asked the same as they were; who contradicts
 * own ones time after time is not asked any more either.
 */
export class CheckedVerifiers extends Verifiers {
  readonly #options: CheckedVerifiersOptions
  readonly #rejected = new WeakSet<Verifier>()
  readonly #checking = new Set<Verifier>()
  /** Of which answers an outside verifier has said otherwise than an own one. */
  readonly #contradictions = new WeakMap<Verifier, Set<LeaseId>>()
  readonly #known = new KnownScores()
  #draws = 0

  constructor(options: CheckedVerifiersOptions) {
    super(options)
    this.#options = options
  }

  override update(verifier: Verifier, models: readonly ModelOffer[]): void {
    super.update(verifier, this.#rejected.has(verifier) ? [] : models)
  }

  override async score(look: Look, answer: Answer): Promise<VerifierScores> {
    const scores = await super.score(look, answer)
    const verifier = this.hereAs(scores.verifier)
    if (verifier === undefined) return scores
    const isChecked = this.#draw() < this.#options.share
    if (!scores.isOwn) {
      if (isChecked) void this.#check(verifier, () => this.#compare(look, answer, scores))
      return scores
    }
    if (isChecked) void this.#check(verifier, () => this.#askKnown(look.spec, verifier))
    const known = { prompt: answer.prompt, positions: scores.positions }
    const replaces = isChecked && this.#draw() < RENEWED_SHARE
    this.#known.remember(look.spec, known, verifier, replaces)
    return scores
  }

  override contradicted({ outside, own, spec, lease, reason }: Contradiction): void {
    this.#options.events.verifiersDisagree([own, outside], spec, reason)
    const verifier = this.hereAs(outside)
    if (verifier === undefined) return
    const leases = (this.#contradictions.get(verifier) ?? new Set()).add(lease)
    this.#contradictions.set(verifier, leases)
    if (leases.size >= MAX_CONTRADICTIONS)
      this.#reject(verifier, spec, `it has contradicted own verifiers ${leases.size} times`)
  }

  /** One check of a verifier at a time. Never rejects. */
  async #check(verifier: Verifier, check: () => Promise<void>): Promise<void> {
    if (this.#checking.has(verifier)) return
    this.#checking.add(verifier)
    try {
      await check()
    } catch (error) {
      if (!(error instanceof ScoreAskError))
        this.#options.events.storeFailed('verifierChecks', error)
      this.#options.events.verifierChecked('unanswered')
    } finally {
      this.#checking.delete(verifier)
    }
  }

  /** Has an own verifier score what an outside one has scored. */
  async #compare(look: Look, answer: Answer, told: VerifierScores): Promise<void> {
    const own = await super.score({ ...look, isOpen: false }, answer)
    const known = { prompt: answer.prompt, positions: own.positions }
    const reason = await this.#faultOf(look.spec, repeatOf(known), told.positions)
    if (reason === undefined) return this.#options.events.verifierChecked('passed')
    const { spec, lease } = look
    this.contradicted({ outside: told.verifier, own: own.verifier, spec, lease, reason })
  }

  /** Asks an own verifier something whose answer is known, if anything is. */
  async #askKnown(spec: string, verifier: Verifier): Promise<void> {
    const known = this.#known.pick(spec, this.#draw())
    const model = this.modelOf(verifier, spec)
    if (known === undefined || model === undefined) return
    const check = this.#checkOf(known.answer)
    const { output } = check
    const { prompt } = known.answer
    const fault = await this.#faultOf(spec, check, await verifier.score({ model, prompt, output }))
    const { events } = this.#options
    if (fault === undefined) {
      if (known.by !== verifier && check.replaced === undefined) known.isConfirmed = true
      events.verifierChecked('passed')
    } else if (known.isConfirmed || known.by === verifier) this.#reject(verifier, spec, fault)
    else {
      this.#known.retain((one) => one !== known)
      events.verifiersDisagree([known.by.peer, verifier.peer], spec, fault)
    }
  }

  async #faultOf(
    spec: string,
    check: VerifierCheck,
    scored: readonly Position[],
  ): Promise<string | undefined> {
    const calibration = await this.#options.calibrationOf(spec)
    return verifierFault(check, scored, calibration ?? UNMEASURED)
  }

  #reject(verifier: Verifier, spec: string, fault: string): void {
    this.#rejected.add(verifier)
    this.#known.retain(({ by }) => by !== verifier)
    this.update(verifier, [])
    this.#options.events.verifierRejected(verifier.peer, spec, fault)
  }

  #checkOf(answer: KnownAnswer): VerifierCheck {
    const twin = this.#draw() < 0.5 ? badTwinOf(answer, () => this.#draw()) : undefined
    return twin ?? repeatOf(answer)
  }

  #draw(): number {
    const { draw, now } = this.#options
    return draw(`verifier ${now()} ${this.#draws++}`)
  }
}
