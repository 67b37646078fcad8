import { specIdOf } from '@infernet/schemas/model-spec'
import type { PeerId } from '@infernet/schemas/peer-id'
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
import { Verifiers, type Verifier, type VerifierScores } from '../audit/verifiers.ts'
import type { EdgeEvents } from '../events.ts'
import { KnownScores, type KnownScore } from './known-scores.ts'

export interface CheckedVerifiersOptions {
  /** Of what verifiers score, so much is followed by a check; 0 to 1. */
  readonly share: number
  /** A number in [0, 1) that nobody can foresee, always the same one for a name. */
  readonly draw: (name: string) => number
  /** ms since the epoch. */
  readonly now: () => number
  /** How much honest answers of a spec vary. */
  readonly calibrationOf: (spec: string) => Promise<Calibration | undefined>
  readonly events: Pick<
    EdgeEvents,
    'verifierChecked' | 'verifierRejected' | 'verifiersDisagree' | 'storeFailed'
  >
}

/** A verifier that is here, with its names of what it runs, by spec. */
interface Present {
  readonly verifier: Verifier
  readonly models: ReadonlyMap<string, string>
}

/** Checks after which a known answer gives way to the latest one: a verifier must not learn them all. */
const RENEWED_SHARE = 0.25

type Answer = Parameters<Verifiers['score']>[1]

/**
 * Verifiers that are asked things whose answers are known, now and then, after something that they have scored:
 * the same once more, or with a token replaced. Who contradicts itself, or what two have said, is not asked any
 * more on its connection. What one alone has said counts against itself only.
 */
export class CheckedVerifiers extends Verifiers {
  readonly #options: CheckedVerifiersOptions
  readonly #present = new Map<PeerId, Present>()
  readonly #rejected = new WeakSet<Verifier>()
  readonly #checking = new Set<Verifier>()
  readonly #known = new KnownScores()
  #draws = 0

  constructor(options: CheckedVerifiersOptions) {
    super()
    this.#options = options
  }

  override update(verifier: Verifier, models: readonly ModelOffer[]): void {
    const offered = this.#rejected.has(verifier) ? [] : models
    super.update(verifier, offered)
    const named = offered.flatMap(({ id, spec }) =>
      spec === undefined ? [] : [[specIdOf(spec), id] as const],
    )
    if (named.length > 0) this.#present.set(verifier.peer, { verifier, models: new Map(named) })
    else if (this.#present.get(verifier.peer)?.verifier === verifier)
      this.#present.delete(verifier.peer)
  }

  override async score(spec: string, answer: Answer, before?: PeerId): Promise<VerifierScores> {
    const scores = await super.score(spec, answer, before)
    const present = this.#present.get(scores.verifier)
    if (present === undefined) return scores
    const isChecked = this.#draw() < this.#options.share
    if (isChecked) void this.#check(spec, present)
    const known = { prompt: answer.prompt, positions: scores.positions }
    const replaces = isChecked && this.#draw() < RENEWED_SHARE
    this.#known.remember(spec, known, present.verifier, replaces)
    return scores
  }

  /** Never rejects. */
  async #check(spec: string, { verifier, models }: Present): Promise<void> {
    const known = this.#known.pick(spec, this.#draw())
    const model = models.get(spec)
    if (known === undefined || model === undefined || this.#checking.has(verifier)) return
    this.#checking.add(verifier)
    try {
      await this.#ask(verifier, model, spec, known)
    } catch (error) {
      if (!(error instanceof ScoreAskError))
        this.#options.events.storeFailed('verifierChecks', error)
      this.#options.events.verifierChecked('unanswered')
    } finally {
      this.#checking.delete(verifier)
    }
  }

  async #ask(verifier: Verifier, model: string, spec: string, known: KnownScore): Promise<void> {
    const { calibrationOf, events } = this.#options
    const check = this.#checkOf(known.answer)
    const { output } = check
    const { prompt } = known.answer
    const scored = await verifier.score({ model, prompt, output })
    const fault = verifierFault(check, scored, (await calibrationOf(spec)) ?? UNMEASURED)
    if (fault === undefined) {
      if (known.by !== verifier && check.replaced === undefined) known.isConfirmed = true
      events.verifierChecked('passed')
    } else if (known.isConfirmed || known.by === verifier) this.#reject(verifier, spec, fault)
    else {
      this.#known.retain((one) => one !== known)
      events.verifiersDisagree([known.by.peer, verifier.peer], spec, fault)
    }
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
