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
import type { Verifiers } from './verifiers.ts'

/** What a provider gave, what it signed, and what it has opened. */
export interface OpenedAnswer {
  readonly answer: DeliveredAnswer & {
    readonly job: JobId
    readonly endpoint: Endpoint
    readonly continues: boolean
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
 * is asked of another, or of the same once more: what they disagree about counts for nothing.
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
    const without = judge(subject)
    if (without.verdict === 'fail') return looked
    const second = await this.#render(subject, first.verifier)
    const judgement = second && judge(subject, second)
    return judgement?.verdict === 'fail'
      ? { judgement, rendering: second }
      : { judgement: without, rendering: undefined }
  }

  /** The prompt and the text as a verifier of the same spec has them; undefined when none can say. */
  async #render({ answer, opened, spec }: OpenedAnswer, before?: PeerId) {
    const { body, continues, endpoint, job } = answer
    const output = opened.positions.map(({ id }) => id)
    const ask = { endpoint, body, continues, output, at: madeAt(job) }
    try {
      return await this.#options.verifiers.render(spec, ask, before)
    } catch (error) {
      if (!(error instanceof ScoreAskError)) throw error
      return undefined
    }
  }

  /** Layer 2. Without a verifier that answers, what is known is the verdict. */
  async #rescored(subject: OpenedAnswer, earlier: Judgement, proof: Proof): Promise<Examined> {
    const { opened, spec, statement } = subject
    const calibration = await this.#calibrationOf(spec)
    const scoreBy = async (before?: PeerId) => {
      const answer = { prompt: opened.prompt, output: opened.positions.map(({ id }) => id) }
      const scores = await this.#options.verifiers.score(spec, answer, before)
      const { verifier, positions: scored } = scores
      const how = { opened, scored, verifier, calibration: calibration ?? UNMEASURED }
      return { scores, judgement: judgeScores(earlier, statement.claim, how) }
    }
    try {
      const first = await scoreBy()
      if (first.judgement.verdict !== 'fail') return { judgement: first.judgement, proof }
      const second = await scoreBy(first.scores.verifier)
      const isConfirmed = second.judgement.verdict === 'fail'
      return {
        judgement: isConfirmed ? second.judgement : disputed(second.judgement),
        proof: { ...proof, scores: [first.scores, second.scores], calibration },
      }
    } catch (error) {
      if (!(error instanceof ScoreAskError)) throw error
      return { judgement: unscored(earlier, error.message), proof }
    }
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
