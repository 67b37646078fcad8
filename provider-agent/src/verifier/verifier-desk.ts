import {
  decodeRenderRequest,
  decodeScoreRequest,
  encodeRendered,
  encodeScored,
  type RenderedAnswer,
  type RenderRequest,
  type ScoreRequest,
} from '@infernet/schemas/audit-wire'
import { FRAME, type FrameType } from '@infernet/schemas/frame'
import { MAX_COMPARED_TEXT_BYTES, MAX_TRANSCRIPT_TOKENS } from '@infernet/schemas/limits'
import type { Position } from '@infernet/schemas/transcript'
import type { Role } from '../capability.ts'
import type { Engine } from '../engines/engine.ts'
import { ScoreError } from '../engines/score-order.ts'
import { errorMessage } from '../error-message.ts'
import type { EventLog } from '../events.ts'
import {
  MAX_ASKS_AT_ONCE,
  MAX_ASKS_WAITING,
  MAX_ASKS_WAITING_BYTES,
  MAX_SCORED_TOKENS,
} from '../limits.ts'

export interface VerifierDeskOptions {
  readonly role: Role
  readonly engine: Pick<Engine, 'score' | 'render'>
  readonly events: EventLog
  /** The monotonic clock, in ms. */
  readonly now: () => number
  /** Writes a `scored` or `rendered` frame. */
  readonly write: (type: FrameType, payload: Uint8Array) => void
}

/** Something that the edge wants to know of an answer. */
interface Ask {
  readonly kind: keyof typeof KINDS
  readonly id: number
  readonly model: string
  /** Of the answer. */
  readonly tokens: number
  /** Of the ask itself. */
  readonly bytes: number
  /** Payload of what is told. */
  readonly work: () => Promise<Uint8Array>
}

const KINDS = {
  score: { told: FRAME.scored, encode: encodeScored, done: 'scored', failed: 'score_failed' },
  render: {
    told: FRAME.rendered,
    encode: encodeRendered,
    done: 'rendered',
    failed: 'render_failed',
  },
} as const

/** Answers what one connection's edge wants scored or rendered: a few at a time, each with a result or a reason. */
export class VerifierDesk {
  readonly #options: VerifierDeskOptions
  readonly #closing = new AbortController()
  readonly #waiting: Ask[] = []
  readonly #running = new Set<Ask>()

  constructor(options: VerifierDeskOptions) {
    this.#options = options
  }

  /** What it has been asked and has not answered. */
  get working(): number {
    return this.#running.size + this.#waiting.length
  }

  /** Takes the payload of a `score` frame. Throws `WireError` for one that is none. */
  takeScore(payload: Uint8Array): void {
    const request = decodeScoreRequest(payload)
    const { id, model, output } = request
    const work = async () => encodeScored({ id, positions: await this.#positionsOf(request) })
    const ask = { id, model, tokens: output.length, bytes: payload.length, work }
    this.#take({ kind: 'score', ...ask })
  }

  /** Takes the payload of a `render` frame. Throws `WireError` for one that is none. */
  takeRender(payload: Uint8Array): void {
    const request = decodeRenderRequest(payload)
    const { id, model, output } = request
    const work = async () => encodeRendered({ id, ...(await this.#renderingOf(request)) })
    const ask = { id, model, tokens: output.length, bytes: payload.length, work }
    this.#take({ kind: 'render', ...ask })
  }

  /** Stops all work, and refuses what comes; whoever waits is told. */
  close(): void {
    const asked = [...this.#running, ...this.#waiting.splice(0)]
    this.#running.clear()
    this.#closing.abort()
    for (const ask of asked) this.#refuse(ask, CLOSING)
  }

  #take(ask: Ask): void {
    const refusal = this.#refusalOf(ask)
    if (refusal !== undefined) return this.#refuse(ask, refusal)
    this.#waiting.push(ask)
    this.#next()
  }

  #refusalOf({ kind, tokens, bytes }: Ask): string | undefined {
    const { engine, role } = this.#options
    if (role !== 'verifier') return 'this agent is a provider, and verifies no answers'
    if (this.#closing.signal.aborted) return CLOSING
    if (engine[kind] === undefined) return `the engine cannot ${kind}`
    if (kind === 'score' && tokens > MAX_SCORED_TOKENS) {
      return `an answer of ${tokens} tokens is too long to score: at most ${MAX_SCORED_TOKENS}`
    }
    const waiting = this.#waiting.reduce((sum, ask) => sum + ask.bytes, bytes)
    const isFull = this.#waiting.length >= MAX_ASKS_WAITING || waiting > MAX_ASKS_WAITING_BYTES
    return isFull ? 'too many answers wait here' : undefined
  }

  #next(): void {
    if (this.#running.size >= MAX_ASKS_AT_ONCE) return
    const ask = this.#waiting.shift()
    if (ask !== undefined) void this.#work(ask)
  }

  async #work(ask: Ask): Promise<void> {
    const { events, now, write } = this.#options
    const { id, model, tokens } = ask
    const { told, done, failed } = KINDS[ask.kind]
    const begun = now()
    this.#running.add(ask)
    try {
      const payload = await ask.work()
      if (!this.#running.has(ask)) return
      write(told, payload)
      events.emit({ event: done, id, model, tokens, ms: now() - begun })
    } catch (error) {
      if (!this.#running.has(ask)) return
      const message = errorMessage(error)
      this.#refuse(ask, message)
      events.emit({ event: failed, id, model, message })
    } finally {
      this.#running.delete(ask)
      this.#next()
    }
  }

  async #positionsOf(request: ScoreRequest): Promise<readonly Position[]> {
    const positions = await this.#options.engine.score?.(request, this.#closing.signal)
    if (positions?.every(isWhole)) return positions
    throw new ScoreError('engine_failed', 'the model gives something that is no number')
  }

  async #renderingOf(request: RenderRequest): Promise<RenderedAnswer> {
    const rendering = await this.#options.engine.render?.(request, this.#closing.signal)
    if (rendering !== undefined && fitsFrame(rendering)) return rendering
    throw new ScoreError('engine_failed', 'the prompt or the text is too long to be told')
  }

  #refuse({ id, kind }: Ask, error: string): void {
    const { told, encode } = KINDS[kind]
    this.#options.write(told, encode({ id, error }))
  }
}

/** Of a damaged model it may not be; the edge takes nothing else for a frame. */
const isWhole = ({ logprob, top }: Position): boolean =>
  Number.isFinite(logprob) && top.every((candidate) => Number.isFinite(candidate.logprob))

const fitsFrame = ({ prompt, text }: RenderedAnswer): boolean =>
  prompt.length > 0 &&
  prompt.length <= MAX_TRANSCRIPT_TOKENS &&
  Buffer.byteLength(text ?? '') <= MAX_COMPARED_TEXT_BYTES

const CLOSING = 'this verifier is shutting down'
