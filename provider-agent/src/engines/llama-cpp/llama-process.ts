import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { JobError } from '@infernet/schemas/wire'
import { EngineStartError, providerFault } from '../engine.ts'
import { engineEnv } from '../managed/engine-command.ts'
import { ScoreError } from '../score-order.ts'
import type {
  GenerateRequest,
  Prompt,
  RenderSource,
  ScoreSink,
  ScoreSource,
  TokenPiece,
  TokenRun,
  TokenSink,
  TokenSource,
  VectorSink,
  VectorSource,
} from '../token-source.ts'
import type { FromChild, LoadedModel, LoadOptions, Piece, ToChild } from './messages.ts'
import { unpackPosition } from './packed-position.ts'

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url))

/** The last words of a child that died, for the log. */
const MAX_STDERR_CHARS = 2_000
/** Restarts after a crash: doubling from 1 s, so that a bad model does not eat the machine. */
const RESTART_BASE_MS = 1_000
const RESTART_CAP_MS = 60_000
/** A child that lived this long had no trouble starting. */
const STABLE_MS = 60_000

export interface LlamaProcessEvents {
  /** The model is loaded, or (undefined) gone. */
  changed(model: LoadedModel | undefined): void
  trouble(message: string): void
}

/** A prompt's ids, and the text of an answer's. */
type Said = Awaited<ReturnType<RenderSource['render']>>

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
  #child: ChildProcess | undefined
  #lastRun = 0
  #crashes = 0
  #startedAt = 0
  #restart: NodeJS.Timeout | undefined
  #isClosed = false
  /** A model that never loaded is the owner's to mend; one that did is brought back. */
  #hasServed = false
  #stderr = ''

  constructor(options: LoadOptions, events: LlamaProcessEvents) {
    this.#options = options
    this.#events = events
  }

  /** Resolves with the loaded model; rejects when it cannot be loaded the first time. */
  async start(): Promise<LoadedModel> {
    const model = await this.#spawn()
    this.#hasServed = true
    return model
  }

  async #spawn(): Promise<LoadedModel> {
    const { promise, resolve, reject } = Promise.withResolvers<LoadedModel>()
    const child = fork(CHILD, {
      env: engineEnv(process.env),
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#child = child
    this.#startedAt = performance.now()
    this.#stderr = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-MAX_STDERR_CHARS)
    })
    child.on('message', (message: FromChild) => {
      if (message.type === 'ready') resolve(message.model)
      else if (message.type === 'load_failed') {
        reject(new Error(message.message))
        child.kill('SIGKILL')
      } else this.#receive(message)
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      const reason = `llama.cpp ended with ${signal ?? `code ${code}`}`
      reject(deathOf(reason, this.#stderr.trim()))
      if (this.#child === child) this.#died(reason)
    })
    this.#send({ type: 'load', options: this.#options })
    return promise
  }

  generate(request: GenerateRequest, sink: TokenSink): TokenRun {
    const run = ++this.#lastRun
    this.#sinks.set(run, sink)
    this.#send({ type: 'generate', run, request })
    return {
      pause: () => this.#send({ type: 'pause', run }),
      resume: () => this.#send({ type: 'resume', run }),
      abort: () => {
        if (this.#sinks.delete(run)) this.#send({ type: 'abort', run })
      },
    }
  }

  embed(inputs: readonly Prompt[], sink: VectorSink): Pick<TokenRun, 'abort'> {
    const run = ++this.#lastRun
    this.#vectorSinks.set(run, sink)
    this.#send({ type: 'embed', run, inputs })
    return {
      abort: () => {
        if (this.#vectorSinks.delete(run)) this.#send({ type: 'abort', run })
      },
    }
  }

  score(
    prompt: readonly number[],
    output: readonly number[],
    sink: ScoreSink,
  ): Pick<TokenRun, 'abort'> {
    const run = ++this.#lastRun
    this.#scoreSinks.set(run, sink)
    this.#send({ type: 'score', run, prompt, output })
    return {
      abort: () => {
        if (this.#scoreSinks.delete(run)) this.#send({ type: 'abort', run })
      },
    }
  }

  render(prompt: Prompt, output: readonly number[]): Promise<Said> {
    const run = ++this.#lastRun
    const { promise, resolve, reject } = Promise.withResolvers<Said>()
    const fail = ({ message }: JobError): void => reject(new ScoreError('engine_failed', message))
    this.#renderSinks.set(run, { said: resolve, fail })
    this.#send({ type: 'render', run, prompt, output })
    return promise
  }

  /** Ends the child and resolves when it is gone. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#restart)
    this.#takeSinks()
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const { promise, resolve } = Promise.withResolvers<void>()
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
    await promise
  }

  #receive(message: Exclude<FromChild, { type: 'ready' | 'load_failed' }>): void {
    if (message.type === 'pieces') return this.#deliver(message.pieces)
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
    this.#vectorSinks.delete(message.run)
    this.#scoreSinks.delete(message.run)
    if (message.type === 'fail') {
      return (sink ?? vectorSink ?? scoreSink ?? renderSink)?.fail(message.error)
    }
    sink?.end(message.reason, unpackPosition(message.ending ?? []))
    vectorSink?.end()
    scoreSink?.end()
  }

  /** Groups one tick's pieces by run, so that each job gets its tokens in one call. */
  #deliver(pieces: readonly Piece[]): void {
    const byRun = new Map<number, TokenPiece[]>()
    for (const [run, text, numbers] of pieces) {
      const position = unpackPosition(numbers)
      const piece = position === undefined ? { text } : { text, position }
      const list = byRun.get(run)
      if (list === undefined) byRun.set(run, [piece])
      else list.push(piece)
    }
    for (const [run, list] of byRun) this.#sinks.get(run)?.pieces(list)
  }

  #died(reason: string): void {
    this.#child = undefined
    if (this.#isClosed || !this.#hasServed) return
    const sinks = this.#takeSinks()
    this.#events.changed(undefined)
    for (const sink of sinks) sink.fail(providerFault('engine_crashed', reason))
    this.#crashes = performance.now() - this.#startedAt > STABLE_MS ? 1 : this.#crashes + 1
    const delay = Math.min(RESTART_CAP_MS, RESTART_BASE_MS * 2 ** (this.#crashes - 1))
    this.#events.trouble(`${reason}; starting it again in ${Math.round(delay / 1000)} s`)
    this.#restart = setTimeout(() => void this.#revive(), delay)
  }

  /** Those of all runs, which hear nothing more from the child. */
  #takeSinks(): readonly Pick<TokenSink, 'fail'>[] {
    const bySort = [this.#sinks, this.#vectorSinks, this.#scoreSinks, this.#renderSinks]
    const sinks = bySort.flatMap((byRun) => [...byRun.values()])
    for (const byRun of bySort) byRun.clear()
    return sinks
  }

  async #revive(): Promise<void> {
    try {
      this.#events.changed(await this.#spawn())
    } catch (error) {
      this.#events.trouble(error instanceof Error ? error.message : String(error))
    }
  }

  #send(message: ToChild): void {
    if (this.#child?.connected) this.#child.send(message)
  }
}

/** What a child's last words come to for whoever waits for it. */
function deathOf(reason: string, lastWords: string): Error {
  if (!/Cannot find package 'node-llama-cpp'/.test(lastWords)) {
    return new Error(`${reason}. ${lastWords}`)
  }
  return new EngineStartError(
    'GGUF files need node-llama-cpp, which is not installed: npm install infernet-agent ' +
      '--include=optional; or run without it: --engine tiny for the demo model, --engine-url for a server',
  )
}
