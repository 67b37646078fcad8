import { rmSync } from 'node:fs'
import type { EngineProcessEvent } from '../../events.ts'
import type { ModelFile } from '../model-file.ts'
import { EngineStartError, type EngineEvents, type EngineModel } from '../engine.ts'
import { connectEngine, type EngineConnection } from '../openai-http/engine-connection.ts'
import { askEngine, EngineQuestionError } from '../openai-http/engine-question.ts'
import { OpenAiHttpEngine, type OpenAiHttpOptions } from '../openai-http/openai-http.ts'
import { isAdopted } from './adopt-socket.ts'
import type { Confine, EngineCommand, EngineNeeds, ManagedKind } from './engine-command.ts'
import { hintOf } from './engine-hints.ts'
import { HangWatch } from './hang-watch.ts'
import { neverStarted, startLeashed, type LeashedProcess } from './leash.ts'
import { showsLife } from './life-proof.ts'
import { OutputTail } from './output-tail.ts'
import { RunWatch } from './run-watch.ts'
import { EngineSupervisor, type EngineFall, type SupervisorLimits } from './supervisor.ts'

/** Of the answer to a look, which is a word. */
const MAX_HEALTH_BYTES = 64 * 1024
/** Until a look counts as not answered. */
const HEALTH_MS = 5_000
/** Between two looks at what a server that is doubted has done. */
const PROOF_LOOK_MS = 5_000
/** Lines of output that the owner is shown. */
const SHOWN_LINES = 5

export interface ManagedServerOptions extends Pick<OpenAiHttpOptions, 'overrides' | 'spec'> {
  readonly kind: ManagedKind
  readonly model: ModelFile
  readonly command: EngineCommand
  /** Where we find it: its own socket, or a second name of that where it is confined. */
  readonly socket: string
  readonly key: string
  readonly confine: Confine
  readonly needs: EngineNeeds
  readonly limits: SupervisorLimits
  readonly random: () => number
  /** In ms. */
  readonly now: () => number
  readonly tell: (event: EngineProcessEvent) => void
}

/** A server with one model that we start, and the engine that speaks with it. */
export class ManagedServer {
  readonly http: OpenAiHttpEngine
  readonly runs: RunWatch
  readonly #options: ManagedServerOptions
  readonly #supervisor: EngineSupervisor
  readonly #hang: HangWatch
  #tail: OutputTail
  /** Those who wait for it to end: what `http` last saw of it does not count any more. */
  #leaving = 0
  #events: EngineEvents | undefined

  constructor(options: ManagedServerOptions) {
    const { model, socket, key, overrides, spec, limits, random, now } = options
    this.#options = options
    const url = `unix:${socket}`
    const alias = { id: model.id, engineName: model.id }
    this.http = new OpenAiHttpEngine({
      url,
      key,
      models: [alias],
      random,
      restartsItself: true,
      ...(overrides === undefined ? {} : { overrides }),
      ...(spec === undefined ? {} : { spec }),
    })
    this.#hang = new HangWatch(now)
    this.runs = new RunWatch(this.#hang)
    this.#tail = new OutputTail([key])
    const connection = connectEngine(url, key)
    this.#supervisor = new EngineSupervisor({
      launch: () => this.#launch(),
      isHealthy: async (signal) => {
        const question = { path: '/health', isBeside: true, probes: true, signal }
        const bounds = { silenceMs: HEALTH_MS, maxBytes: MAX_HEALTH_BYTES }
        try {
          if (!this.#isThere) return false
          return (await askEngine(connection, { ...question, ...bounds })).status === 200
        } catch (error) {
          if (error instanceof EngineQuestionError) return false
          throw error
        }
      },
      silentMs: () => this.#hang.silentMs,
      prove: (signal) => this.#prove(connection, signal),
      limits,
      random,
      now,
      onUp: (ms) => this.#up(ms),
      onDown: (fall) => this.#down(fall),
    })
  }

  /** Resolves when the server serves; rejects with `EngineStartError` when it ends before. */
  async start(events: EngineEvents): Promise<void> {
    const end = await this.#supervisor.start()
    if (end !== undefined) {
      const { kind, model } = this.#options
      const hint = hintOf(this.#tail.lines, end.code)
      const said = this.#shownLines.map((line) => `\n  ${line}`).join('')
      const why = `${kind} cannot serve ${model.path}: it ${end.reason}`
      throw new EngineStartError(`${why}${hint === undefined ? '' : `; ${hint}`}${said}`)
    }
    this.#events = events
    await this.http.start({
      ...events,
      // That it is gone has been told, with the reason.
      trouble: (message) => {
        if (this.#supervisor.isUp) events.trouble(message)
      },
    })
  }

  get models(): readonly EngineModel[] {
    return this.#leaving > 0 ? [] : this.http.models
  }

  /** Ends the server, so that its memory is free, until `wake`; no job may be left. Resolves when it is gone. */
  async rest(): Promise<void> {
    this.#leaving++
    try {
      await this.#supervisor.rest()
      // Nobody is there now, and who comes will be asked anew.
      await this.http.lookNow()
    } finally {
      this.#leaving--
      // Woken meanwhile, it may have been seen again before it could be offered.
      if (this.models.length > 0) this.#events?.modelsChanged()
    }
  }

  /** Starts it again after `rest`. */
  wake(): void {
    this.#supervisor.wake()
  }

  /** Jobs hear nothing more; resolves when no process is left. */
  async close(): Promise<void> {
    this.#events = undefined
    await this.http.close()
    await this.#supervisor.stop()
  }

  get #isThere(): boolean {
    const { needs, socket } = this.#options
    return needs.socket === socket || isAdopted(needs.socket, socket)
  }

  /** The question is waited for too: it may be the only one that is, since who serves nothing gets no jobs. */
  async #prove(connection: EngineConnection, signal: AbortSignal): Promise<void> {
    const { kind, limits, model } = this.#options
    const wait = this.#hang.wait()
    const bounds = { patienceMs: limits.silentMs, lookMs: PROOF_LOOK_MS, signal }
    if (await showsLife({ connection, kind, model: model.id, ...bounds })) this.#hang.heard()
    wait.over()
  }

  #launch(): LeashedProcess {
    const { command, confine, key, needs, socket } = this.#options
    // What the one before left unanswered is not this one's.
    this.#hang.heard()
    this.#tail = new OutputTail([key])
    try {
      // What was killed has left it, and a server would take it for somebody else's.
      for (const path of [socket, needs.socket]) rmSync(path, { recursive: true, force: true })
      return startLeashed(confine(command, needs), this.#tail)
    } catch (error) {
      // The system's errors too: the engine may have shut its folder.
      if (!(error instanceof Error && 'code' in error)) throw error
      return neverStarted(error.message)
    }
  }

  #up(ms: number): void {
    const { kind, model, tell } = this.#options
    tell({ event: 'engine_up', engine: kind, model: model.id, ms: Math.round(ms) })
    void this.http.lookNow()
  }

  #down({ code, reason, retryMs }: EngineFall): void {
    const { kind, model, tell } = this.#options
    const hint = hintOf(this.#tail.lines, code)
    tell({
      event: 'engine_down',
      engine: kind,
      model: model.id,
      reason,
      ...(hint === undefined ? {} : { hint }),
      lines: this.#shownLines,
      retry_ms: retryMs,
    })
    void this.http.lookNow()
  }

  get #shownLines(): readonly string[] {
    return this.#tail.lines.slice(-SHOWN_LINES)
  }
}
