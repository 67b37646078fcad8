import { madeAt, type JobId } from '@infernet/schemas/ids'
import type { Claim } from '@infernet/schemas/transcript'
import type { Endpoint } from '@infernet/schemas/wire'
import { promptFault } from '@infernet/verification/verdict/prompt-fault'
import type { EdgeEvents } from '../events.ts'
import { ScoreAskError } from './score-asks.ts'
import type { Verifiers } from './verifiers.ts'

/** A request as its provider was given it. */
export interface AskedRequest {
  readonly job: JobId
  readonly endpoint: Endpoint
  readonly body: Uint8Array
  readonly continues: boolean
}

export interface PromptChecksOptions {
  readonly verifiers: Pick<Verifiers, 'has' | 'promptOf'>
  readonly events: Pick<EdgeEvents, 'promptChecked'>
  readonly onError: (error: unknown) => void
}

/**
 * Compares the prompt that a receipt commits to with the request, as an own verifier of the spec renders it, of answers
 * that nobody opens. Left out is what cannot be rendered, and what comes while verifiers have other things to do: the
 * rest has to do, and no provider can know which.
 */
export class PromptChecks {
  readonly #options: PromptChecksOptions

  constructor(options: PromptChecksOptions) {
    this.#options = options
  }

  /** Whether the claimed prompt is another one; false where nobody can say. Never rejects. */
  async isOther(request: AskedRequest, claim: Claim): Promise<boolean> {
    const { events, onError, verifiers } = this.#options
    if (!verifiers.has(claim.spec)) return false
    const { body, continues, endpoint, job } = request
    try {
      const rendering = verifiers.promptOf(claim.spec, {
        endpoint,
        body,
        continues,
        at: madeAt(job),
      })
      if (rendering === undefined) {
        events.promptChecked('busy')
        return false
      }
      const isOther = promptFault(claim, await rendering) !== undefined
      events.promptChecked(isOther ? 'differs' : 'same')
      return isOther
    } catch (error) {
      events.promptChecked('unknown')
      if (!(error instanceof ScoreAskError)) onError(error)
      return false
    }
  }
}
