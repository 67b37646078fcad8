import {
  decodeScoreRequest,
  encodeScored,
  type Scored,
  type ScoreRequest,
} from '@infernet/schemas/audit-wire'
import type { Position } from '@infernet/schemas/transcript'
import type { Role } from '../capability.ts'
import type { Engine } from '../engines/engine.ts'
import { ScoreError } from '../engines/score-order.ts'
import type { EventLog } from '../events.ts'
import { MAX_SCORED_TOKENS, MAX_SCORES_AT_ONCE, MAX_SCORES_WAITING } from '../limits.ts'

export interface ScoreDeskOptions {
  readonly role: Role
  readonly engine: Pick<Engine, 'score'>
  readonly events: EventLog
  /** ms since the epoch. */
  readonly now: () => number
  /** Writes the payload of a `scored` frame. */
  readonly write: (payload: Uint8Array) => void
}

/** Answers what one connection's edge wants scored: a few at a time, each with positions or with a reason. */
export class ScoreDesk {
  readonly #options: ScoreDeskOptions
  readonly #closing = new AbortController()
  readonly #waiting: ScoreRequest[] = []
  readonly #running = new Set<ScoreRequest>()

  constructor(options: ScoreDeskOptions) {
    this.#options = options
  }

  /** Takes the payload of a `score` frame. Throws `WireError` for one that is none. */
  take(payload: Uint8Array): void {
    const request = decodeScoreRequest(payload)
    const refusal = this.#refusalOf(request)
    if (refusal !== undefined) return this.#answer({ id: request.id, error: refusal })
    this.#waiting.push(request)
    this.#next()
  }

  /** Stops all work, and refuses what comes; whoever waits is told. */
  close(): void {
    const asked = [...this.#running, ...this.#waiting.splice(0)]
    this.#running.clear()
    this.#closing.abort()
    for (const { id } of asked) this.#answer({ id, error: CLOSING })
  }

  #refusalOf({ output }: ScoreRequest): string | undefined {
    if (this.#options.role !== 'verifier') return 'this agent is a provider, and scores no answers'
    if (this.#closing.signal.aborted) return CLOSING
    if (output.length > MAX_SCORED_TOKENS) {
      return `an answer of ${output.length} tokens is too long to score: at most ${MAX_SCORED_TOKENS}`
    }
    return this.#waiting.length < MAX_SCORES_WAITING ? undefined : 'too many answers wait here'
  }

  #next(): void {
    if (this.#running.size >= MAX_SCORES_AT_ONCE) return
    const request = this.#waiting.shift()
    if (request !== undefined) void this.#score(request)
  }

  async #score(request: ScoreRequest): Promise<void> {
    const { events, now } = this.#options
    const { id, model, output } = request
    const begun = now()
    this.#running.add(request)
    try {
      const positions = await this.#positionsOf(request)
      if (!this.#running.has(request)) return
      this.#answer({ id, positions })
      events.emit({ event: 'scored', id, model, tokens: output.length, ms: now() - begun })
    } catch (error) {
      if (!this.#running.has(request)) return
      const message = error instanceof Error ? error.message : String(error)
      this.#answer({ id, error: message })
      events.emit({ event: 'score_failed', id, model, message })
    } finally {
      this.#running.delete(request)
      this.#next()
    }
  }

  async #positionsOf(request: ScoreRequest): Promise<readonly Position[]> {
    const positions = await this.#options.engine.score?.(request, this.#closing.signal)
    if (positions === undefined) throw new ScoreError('engine_failed', 'the engine cannot score')
    if (positions.every(isWhole)) return positions
    throw new ScoreError('engine_failed', 'the model gives something that is no number')
  }

  #answer(scored: Scored): void {
    this.#options.write(encodeScored(scored))
  }
}

/** Of a damaged model it may not be; the edge takes nothing else for a frame. */
const isWhole = ({ logprob, top }: Position): boolean =>
  Number.isFinite(logprob) && top.every((candidate) => Number.isFinite(candidate.logprob))

const CLOSING = 'this verifier is shutting down'
