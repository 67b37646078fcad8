import {
  encodeRenderRequest,
  encodeScoreRequest,
  type Rendered,
  type RenderedAnswer,
  type RenderRequest,
  type Scored,
  type ScoreRequest,
} from '@infernet/schemas/audit-wire'
import { FRAME } from '@infernet/schemas/frame'
import type { Position } from '@infernet/schemas/transcript'
import { MAX_SCORE_ASKS, SCORE_TIMEOUT_MS } from './audit-limits.ts'

/** Why an answer was not scored, or not rendered; the message says it to the operator. */
export class ScoreAskError extends Error {
  override readonly name = 'ScoreAskError'
  readonly code = 'not_scored'
}

export interface ScoreAsksOptions {
  readonly send: (type: typeof FRAME.score | typeof FRAME.render, payload: Uint8Array) => void
  /** Runs `task` once after `delayMs`. */
  readonly later: (task: () => void, delayMs: number) => void
  /** ms since the epoch. */
  readonly now: () => number
}

type Told = Exclude<Scored | Rendered, { readonly error: string }>

interface OpenAsk {
  readonly wanted: 'scores' | 'rendering'
  readonly resolve: (told: Told) => void
  readonly reject: (error: ScoreAskError) => void
}

/** What one verifier is asked about answers and has not told yet. */
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
  async score(ask: Omit<ScoreRequest, 'id'>): Promise<readonly Position[]> {
    const told = await this.#ask('scores', (id) =>
      this.#options.send(FRAME.score, encodeScoreRequest({ id, ...ask })),
    )
    const { output } = ask
    const isSame =
      'positions' in told &&
      told.positions.length === output.length &&
      told.positions.every(({ id }, i) => id === output[i])
    if (!isSame) throw new ScoreAskError('the verifier scored other tokens')
    return told.positions
  }

  /** Resolves with what request and answer are to the verifier's engine. Rejects with {@link ScoreAskError}. */
  async render(ask: Omit<RenderRequest, 'id'>): Promise<RenderedAnswer> {
    const told = await this.#ask('rendering', (id) =>
      this.#options.send(FRAME.render, encodeRenderRequest({ id, ...ask })),
    )
    if (!('prompt' in told)) throw new ScoreAskError('the verifier rendered nothing')
    return { prompt: told.prompt, text: told.text }
  }

  /** Something has come; what nobody waits for is ignored. */
  answered(told: Scored | Rendered): void {
    const ask = this.#open.get(told.id)
    if (ask === undefined) return
    this.#open.delete(told.id)
    if ('error' in told) ask.reject(new ScoreAskError(told.error))
    else ask.resolve(told)
  }

  /** The connection is gone. */
  lost(): void {
    for (const { reject } of this.#open.values()) reject(new ScoreAskError('the verifier left'))
    this.#open.clear()
  }

  async #ask(wanted: OpenAsk['wanted'], send: (id: number) => void): Promise<Told> {
    if (this.#open.size >= MAX_SCORE_ASKS) throw new ScoreAskError('the verifier has enough to do')
    // Grows with time, so that no late answer fits after a hibernation, which forgets the last one.
    const id = Math.max(this.#lastId + 1, this.#options.now())
    this.#lastId = id
    const { promise, resolve, reject } = Promise.withResolvers<Told>()
    this.#open.set(id, { wanted, resolve, reject })
    this.#options.later(() => this.#late(id), SCORE_TIMEOUT_MS)
    try {
      send(id)
    } catch (error) {
      this.#open.delete(id)
      throw error
    }
    return promise
  }

  #late(id: number): void {
    const ask = this.#open.get(id)
    this.#open.delete(id)
    ask?.reject(new ScoreAskError(`no ${ask.wanted} within ${SCORE_TIMEOUT_MS / 1000} s`))
  }
}
