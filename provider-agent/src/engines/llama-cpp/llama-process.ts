import type { JobError } from '@infernet/schemas/wire'
import { providerFault } from '../engine.ts'
import { HangWatch } from '../managed/hang-watch.ts'
import type { LeashedProcess } from '../managed/leash.ts'
import {
  EngineSupervisor,
  SUPERVISOR_LIMITS,
  type EngineFall,
  type SupervisorLimits,
} from '../managed/supervisor.ts'
import { ScoreError } from '../score-order.ts'
import type {
  GenerateRequest,
  Prompt,
  RenderSource,
  ScoreSink,
  ScoreSource,
  TokenRun,
  TokenSink,
  TokenSource,
  VectorSink,
  VectorSource,
} from '../token-source.ts'
import { LifeQuestion, UNANSWERED } from './life-question.ts'
import { startLlamaChild, type LlamaChild } from './llama-child.ts'
import { loadFailure } from './load-failure.ts'
import {
  showsComputing,
  type FromChild,
  type LoadedModel,
  type LoadOptions,
  type ToChild,
} from './messages.ts'
import { unpackPosition } from './packed-position.ts'
import { piecesByRun } from './pieces-by-run.ts'
import { RunWaits } from './run-waits.ts'

export interface LlamaProcessEvents {
  /** The model is loaded, or (undefined) gone. */
  changed(model: LoadedModel | undefined): void
  trouble(message: string): void
}

/** What comes in from outside. */
export interface LlamaRim {
  readonly limits: SupervisorLimits
  /** Until a question whether it is there counts as not answered, in ms. */
  readonly healthMs: number
  /** Until a question for a sign of life does: then the model is not offered before it is answered. In ms. */
  readonly proofMs: number
  readonly startChild: typeof startLlamaChild
  readonly random: () => number
  /** In ms. */
  readonly now: () => number
}

export const LLAMA_RIM: LlamaRim = {
  limits: SUPERVISOR_LIMITS,
  healthMs: 5_000,
  proofMs: 30_000,
  startChild: startLlamaChild,
  random: Math.random,
  now: () => performance.now(),
}

/** A prompt's ids, and the text of an answer's. */
type Said = Awaited<ReturnType<RenderSource['render']>>

/** What is about a run. */
type FromRun = Exclude<FromChild, { type: 'ready' | 'load_failed' | 'pong' | 'proved' | 'reading' }>

interface RenderSink extends Pick<TokenSink, 'fail'> {
  said(said: Said): void
}

/** A child process with one model: its runs, its death, its return. */
export class LlamaProcess implements TokenSource, VectorSource, ScoreSource, RenderSource {
  readonly #options: LoadOptions
  readonly #events: LlamaProcessEvents
  readonly #sinks = new Map<number, TokenSink>()
  readonly #vectorSinks = new Map<number, VectorSink>()
  readonly #scoreSinks = new Map<number, ScoreSink>()
  readonly #renderSinks = new Map<number, RenderSink>()
  readonly #supervisor: EngineSupervisor
  readonly #hang: HangWatch
  readonly #life: LifeQuestion
  readonly #rim: LlamaRim
  readonly #waits: RunWaits
  #child: LlamaChild | undefined
  #model: LoadedModel | undefined
  /** Why the child that runs could not load its model. */
  #loadFailure: string | undefined
  #lastRun = 0
  #answered = (): void => {}

  constructor(options: LoadOptions, events: LlamaProcessEvents, rim: LlamaRim = LLAMA_RIM) {
    this.#options = options
    this.#events = events
    this.#hang = new HangWatch(rim.now)
    this.#rim = rim
    this.#life = new LifeQuestion({
      hang: this.#hang,
      doubtMs: rim.limits.doubtMs,
      answerMs: rim.proofMs,
      ask: () => this.#send({ type: 'prove' }),
      onUnanswered: () => this.#withdraw(),
      onAnswered: () => this.#events.changed(this.#model),
    })
    this.#waits = new RunWaits(this.#hang, (isPaused) => this.#life.pause(isPaused))
    this.#supervisor = new EngineSupervisor({
      ...rim,
      launch: () => this.#launch(),
      isHealthy: () => this.#isHealthy(),
      silentMs: () => this.#hang.silentMs,
      prove: (signal) => this.#life.ask(signal),
      onUp: () => this.#events.changed(this.#model),
      onDown: (fall) => this.#fell(fall),
    })
  }

  /** Resolves when the model is loaded; rejects when it cannot be loaded the first time. */
  async start(): Promise<void> {
    const end = await this.#supervisor.start()
    if (end === undefined) return
    // A model that never loaded is the owner's to mend; one that did is brought back.
    if (this.#loadFailure !== undefined) throw new Error(this.#loadFailure)
    throw loadFailure(`llama.cpp ${end.reason}`, this.#child?.lastWords ?? '')
  }

  #launch(): LeashedProcess {
    this.#model = undefined
    this.#loadFailure = undefined
    // What the one before left unanswered is not this one's.
    this.#hang.heard()
    const child = this.#rim.startChild((message) => {
      if (this.#child === child) this.#hear(message, child)
    })
    this.#child = child
    this.#send({ type: 'load', options: this.#options })
    return child
  }

  #hear(message: FromChild, child: LlamaChild): void {
    if (message.type === 'pong') return this.#answered()
    if (showsComputing(message)) {
      this.#hang.heard()
      this.#life.heard()
    }
    if (message.type === 'ready') {
      this.#model = message.model
      this.#answered()
    } else if (message.type === 'load_failed') {
      this.#loadFailure = message.message
      child.kill()
    } else if (message.type === 'proved') {
      this.#life.answered()
    } else if (message.type !== 'reading') this.#receive(message)
  }

  /** Whether the child has loaded its model, and answers. */
  #isHealthy(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const timer = setTimeout(resolve, this.#rim.healthMs, false).unref()
    this.#answered = () => {
      clearTimeout(timer)
      resolve(true)
    }
    if (this.#model !== undefined) this.#send({ type: 'ping' })
    return promise
  }

  generate(request: GenerateRequest, sink: TokenSink): TokenRun {
    const run = ++this.#lastRun
    this.#sinks.set(run, sink)
    this.#waits.begin(run)
    this.#send({ type: 'generate', run, request })
    return {
      pause: () => {
        this.#waits.pause(run)
        this.#send({ type: 'pause', run })
      },
      resume: () => {
        this.#waits.resume(run)
        this.#send({ type: 'resume', run })
      },
      abort: () => this.#abort(run, this.#sinks),
    }
  }

  embed(inputs: readonly Prompt[], sink: VectorSink): Pick<TokenRun, 'abort'> {
    const run = ++this.#lastRun
    this.#vectorSinks.set(run, sink)
    this.#waits.begin(run)
    this.#send({ type: 'embed', run, inputs })
    return { abort: () => this.#abort(run, this.#vectorSinks) }
  }

  score(
    prompt: readonly number[],
    output: readonly number[],
    sink: ScoreSink,
  ): Pick<TokenRun, 'abort'> {
    const run = ++this.#lastRun
    this.#scoreSinks.set(run, sink)
    this.#waits.begin(run)
    this.#send({ type: 'score', run, prompt, output })
    return { abort: () => this.#abort(run, this.#scoreSinks) }
  }

  render(prompt: Prompt, output: readonly number[]): Promise<Said> {
    const run = ++this.#lastRun
    const { promise, resolve, reject } = Promise.withResolvers<Said>()
    const fail = ({ message }: JobError): void => reject(new ScoreError('engine_failed', message))
    this.#renderSinks.set(run, { said: resolve, fail })
    this.#send({ type: 'render', run, prompt, output })
    return promise
  }

  /** Ends the child, so that its memory is free, until `wake`; no run may be left. Resolves when it is gone. */
  async rest(): Promise<void> {
    this.#model = undefined
    this.#events.changed(undefined)
    await this.#supervisor.rest()
  }

  /** Starts the child again after `rest`. */
  wake(): void {
    this.#supervisor.wake()
  }

  /** Ends the child and resolves when it is gone. */
  async close(): Promise<void> {
    this.#takeSinks()
    await this.#supervisor.stop()
  }

  #receive(message: FromRun): void {
    if (message.type === 'pieces') {
      return piecesByRun(message.pieces).forEach((list, run) => this.#sinks.get(run)?.pieces(list))
    }
    const vectorSink = this.#vectorSinks.get(message.run)
    if (message.type === 'vector') return vectorSink?.vector(message.base64, message.tokens)
    const scoreSink = this.#scoreSinks.get(message.run)
    if (message.type === 'scores') {
      return scoreSink?.positions(message.positions.flatMap((it) => unpackPosition(it) ?? []))
    }
    const renderSink = this.#renderSinks.get(message.run)
    this.#renderSinks.delete(message.run)
    if (message.type === 'rendered') return renderSink?.said(message)
    const sink = this.#sinks.get(message.run)
    if (message.type === 'prompt') return sink?.prompt(message.ids, message.cachedTokens)
    this.#sinks.delete(message.run)
    this.#waits.over(message.run)
    this.#vectorSinks.delete(message.run)
    this.#scoreSinks.delete(message.run)
    if (message.type === 'fail') {
      return (sink ?? vectorSink ?? scoreSink ?? renderSink)?.fail(message.error)
    }
    sink?.end(message.reason, unpackPosition(message.ending ?? []))
    vectorSink?.end()
    scoreSink?.end()
  }

  #fell({ reason, retryMs }: EngineFall): void {
    const why = this.#model === undefined ? (this.#loadFailure ?? this.#child?.lastWords) : ''
    this.#child = undefined
    this.#model = undefined
    const sinks = this.#takeSinks()
    this.#events.changed(undefined)
    for (const sink of sinks) sink.fail(providerFault('engine_crashed', `llama.cpp ${reason}`))
    const words = `llama.cpp ${reason}${why ? ` (${why})` : ''}`
    this.#events.trouble(`${words}; starting it again in ${Math.round(retryMs / 100) / 10} s`)
  }

  #withdraw(): void {
    this.#events.changed(undefined)
    this.#events.trouble(UNANSWERED)
  }

  /** `sinks` are those of its sort. */
  #abort(run: number, sinks: Map<number, unknown>): void {
    if (!sinks.delete(run)) return
    this.#waits.over(run)
    this.#send({ type: 'abort', run })
  }

  /** Those of all runs, which hear nothing more from the child. */
  #takeSinks(): readonly Pick<TokenSink, 'fail'>[] {
    const bySort = [this.#sinks, this.#vectorSinks, this.#scoreSinks, this.#renderSinks]
    const sinks = bySort.flatMap((byRun) => [...byRun.values()])
    for (const byRun of bySort) byRun.clear()
    this.#waits.allOver()
    return sinks
  }

  #send(message: ToChild): void {
    this.#child?.send(message)
  }
}
