import type { ScoreRequest, Scored } from '@infernet/schemas/audit-wire'
import type { Position } from '@infernet/schemas/transcript'
import { MAX_SCORE_ASKS, SCORE_TIMEOUT_MS } from './audit-limits.ts'

/** Why an answer was not scored; the message says it to the operator. */
export class ScoreAskError extends Error {
  override readonly name = 'ScoreAskError'
  readonly code = 'not_scored'
}

export interface ScoreAsksOptions {
  readonly send: (request: ScoreRequest) => void
  /** Runs `task` once after `delayMs`. */
  readonly later: (task: () => void, delayMs: number) => void
  /** ms since the epoch. */
  readonly now: () => number
}

interface OpenAsk {
  /** Ids of the answer: a verifier scores these, in this order, or nothing. */
  readonly output: readonly number[]
  readonly resolve: (positions: readonly Position[]) => void
  readonly reject: (error: ScoreAskError) => void
}

/** The answers that one verifier is scoring. */
export class ScoreAsks {
  readonly #options: ScoreAsksOptions
  readonly #open = new Map<number, OpenAsk>()
  #lastId = 0

  constructor(options: ScoreAsksOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#open.size
  }

  /** Resolves with each token of the answer as the verifier's model sees it. Rejects with {@link ScoreAskError}. */
  async ask({ model, prompt, output }: Omit<ScoreRequest, 'id'>): Promise<readonly Position[]> {
    if (this.#open.size >= MAX_SCORE_ASKS) throw new ScoreAskError('the verifier has enough to do')
    // Grows with time, so that no late answer fits after a hibernation, which forgets the last one.
    const id = Math.max(this.#lastId + 1, this.#options.now())
    this.#lastId = id
    const { promise, resolve, reject } = Promise.withResolvers<readonly Position[]>()
    this.#open.set(id, { output, resolve, reject })
    this.#options.later(() => this.#late(id), SCORE_TIMEOUT_MS)
    this.#options.send({ id, model, prompt, output })
    return promise
  }

  /** An answer has come; one that nobody waits for is ignored. */
  answered(scored: Scored): void {
    const ask = this.#open.get(scored.id)
    if (ask === undefined) return
    this.#open.delete(scored.id)
    if ('error' in scored) return ask.reject(new ScoreAskError(scored.error))
    const { positions } = scored
    const isSame =
      positions.length === ask.output.length && positions.every(({ id }, i) => id === ask.output[i])
    if (isSame) ask.resolve(positions)
    else ask.reject(new ScoreAskError('the verifier scored other tokens'))
  }

  /** The connection is gone. */
  lost(): void {
    for (const { reject } of this.#open.values()) reject(new ScoreAskError('the verifier left'))
    this.#open.clear()
  }

  #late(id: number): void {
    this.#open.get(id)?.reject(new ScoreAskError(`no scores within ${SCORE_TIMEOUT_MS / 1000} s`))
    this.#open.delete(id)
  }
}
