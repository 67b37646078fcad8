import { madeAt, type JobId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { ReceiptStatement, SignedReceipt } from '@infernet/schemas/receipt'
import type { Claim, Transcript } from '@infernet/schemas/transcript'
import type { Endpoint } from '@infernet/schemas/wire'
import { UNMEASURED, type Calibration } from '@infernet/verification/evidence/calibration'
import {
  disputed,
  judgeClaim,
  judgeScores,
  unopened,
  unscored,
  type DeliveredAnswer,
  type Judgement,
  type Rendering,
} from '@infernet/verification/verdict/judge'
import type { AuditStore } from './audit-port.ts'
import type { Proof } from './evidence-of.ts'
import { ScoreAskError } from './score-asks.ts'
import type { Look, Teller, VerifierRendering, Verifiers, VerifierScores } from './verifiers.ts'

/** What a provider gave, what it signed, and what it has opened. */
export interface OpenedAnswer {
  readonly answer: DeliveredAnswer & {
    readonly job: JobId
    readonly endpoint: Endpoint
    readonly continues: boolean
    /** Its client lets anybody verify it. */
    readonly isOpen: boolean
  }
  readonly spec: string
  readonly statement: ReceiptStatement & { readonly claim: Claim }
  readonly receipt: SignedReceipt
  readonly opened: Transcript
}

export interface Examined {
  readonly judgement: Judgement
  /** What leads to it; absent where it could not be judged. */
  readonly proof?: Proof
}

/** A first look at an answer, and the rendering that it was by. */
interface Looked {
  readonly judgement: Judgement
  readonly rendering: Rendering | undefined
}

/** What follows from a verifier's numbers. */
interface Scored {
  readonly scores: VerifierScores
  readonly judgement: Judgement
}

export interface ExaminerOptions {
  readonly store: Pick<AuditStore, 'calibrationOf'>
  readonly verifiers: Verifiers
  readonly onError: (error: unknown) => void
}

/** Nobody could come to a verdict, for a reason that is not the provider's. */
export const unjudged = (reason: string): Judgement => ({
  ...unopened(reason),
  verdict: 'inconclusive',
})

/**
 * Judges opened answers: layers 0 and 1 by itself, and 2 with verifiers of the same spec. Whatever a verifier fails
 * is asked of another of the operator's own, or of the same once more: what these disagree about counts for nothing.
 * Where an own one disagrees with an outside one, its word stands.
 */
export class Examiner {
  readonly #options: ExaminerOptions

  constructor(options: ExaminerOptions) {
    this.#options = options
  }

  /** Never rejects. */
  async examine(subject: OpenedAnswer): Promise<Examined> {
    try {
      const isVerifiable = this.#options.verifiers.has(subject.spec)
      const { judgement, rendering } = isVerifiable
        ? await this.#rendered(subject)
        : { judgement: judge(subject), rendering: undefined }
      const { receipt, opened } = subject
      const proof = { receipt, opened, rendering, scores: [], calibration: undefined }
      if (judgement.verdict === 'fail' || !isVerifiable) return { judgement, proof }
      return await this.#rescored(subject, judgement, proof)
    } catch (error) {
      this.#options.onError(error)
      return { judgement: unjudged('it could not be judged') }
    }
  }

  /** Layers 0 and 1. A rendering that alone fails an answer is only believed when a second one does. */
  async #rendered(subject: OpenedAnswer): Promise<Looked> {
    const first = await this.#render(subject)
    const looked = { judgement: judge(subject, first), rendering: first }
    if (first === undefined || looked.judgement.verdict !== 'fail') return looked
    const without = { judgement: judge(subject), rendering: undefined }
    // Evidence that convicts without them has no outside verifier's word in it.
    if (without.judgement.verdict === 'fail') return first.isOwn ? looked : without
    const second = await this.#render(subject, first.verifier)
    if (second === undefined) return without
    const confirmed = { judgement: judge(subject, second), rendering: second }
    if (confirmed.judgement.verdict === 'fail') return confirmed
    if (first.isOwn) return without
    this.#contradicted(subject, first, second, 'it rendered the request or the answer otherwise')
    return confirmed
  }

  /** The prompt and the text as a verifier of the same spec has them; undefined when none can say. */
  async #render(subject: OpenedAnswer, before?: PeerId): Promise<VerifierRendering | undefined> {
    const { answer, opened } = subject
    const { body, continues, endpoint, job } = answer
    const output = opened.positions.map(({ id }) => id)
    const ask = { endpoint, body, continues, output, at: madeAt(job) }
    try {
      return await this.#options.verifiers.render(lookAt(subject, before), ask)
    } catch (error) {
      if (!(error instanceof ScoreAskError)) throw error
      return undefined
    }
  }

  /** Layer 2. Without a verifier that answers, what is known is the verdict. */
  async #rescored(subject: OpenedAnswer, earlier: Judgement, proof: Proof): Promise<Examined> {
    const calibration = await this.#calibrationOf(subject.spec)
    const scoreBy = (before?: PeerId): Promise<Scored> =>
      this.#scored(subject, earlier, calibration ?? UNMEASURED, before)
    try {
      const first = await scoreBy()
      if (first.judgement.verdict !== 'fail') return { judgement: first.judgement, proof }
      const second = await scoreBy(first.scores.verifier)
      return {
        judgement: this.#secondWord(subject, first, second),
        proof: { ...proof, scores: [first.scores, second.scores], calibration },
      }
    } catch (error) {
      if (!(error instanceof ScoreAskError)) throw error
      return { judgement: unscored(earlier, error.message), proof }
    }
  }

  /** Rejects with {@link ScoreAskError}. */
  async #scored(
    subject: OpenedAnswer,
    earlier: Judgement,
    calibration: Calibration,
    before: PeerId | undefined,
  ): Promise<Scored> {
    const { opened, statement } = subject
    const answer = { prompt: opened.prompt, output: opened.positions.map(({ id }) => id) }
    const scores = await this.#options.verifiers.score(lookAt(subject, before), answer)
    const { verifier, positions: scored } = scores
    const how = { opened, scored, verifier, calibration }
    return { scores, judgement: judgeScores(earlier, statement.claim, how) }
  }

  /** What one of the operator's own says of an answer that another has failed. */
  #secondWord(subject: OpenedAnswer, first: Scored, { judgement, scores }: Scored): Judgement {
    if (judgement.verdict === 'fail') return judgement
    if (first.scores.isOwn) return disputed(judgement)
    if (judgement.verdict === 'pass')
      this.#contradicted(subject, first.scores, scores, 'it failed what an own verifier passed')
    return judgement
  }

  #contradicted(subject: OpenedAnswer, outside: Teller, own: Teller, reason: string): void {
    const { spec, statement } = subject
    const between = { outside: outside.verifier, own: own.verifier }
    this.#options.verifiers.contradicted({ spec, lease: statement.lease, ...between, reason })
  }

  /** Never rejects: without one, an answer is judged as of a spec that nobody has measured. */
  async #calibrationOf(spec: string): Promise<Calibration | undefined> {
    const { store, onError } = this.#options
    try {
      return await store.calibrationOf(spec)
    } catch (error) {
      onError(error)
      return undefined
    }
  }
}

const judge = ({ answer, opened, statement }: OpenedAnswer, rendering?: Rendering): Judgement =>
  judgeClaim(answer, statement, opened, rendering)

const lookAt = (
  { answer: { isOpen }, spec, statement: { lease } }: OpenedAnswer,
  before: PeerId | undefined,
): Look => ({ spec, lease, isOpen, before })
