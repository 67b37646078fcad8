import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { MAX_MODELS_PER_PROVIDER } from '@infernet/schemas/limits'
import { modelOfferSchema } from '@infernet/schemas/wire'
import {
  EngineStartError,
  JobFault,
  providerFault,
  type Engine,
  type EngineEvents,
  type EngineLoad,
  type EngineModel,
  type EngineRequest,
  type EngineRun,
  type EngineSink,
} from '../engine.ts'
import type { ModelFile } from '../model-file.ts'
import { EngineSandbox } from '../../sandbox/engine-sandbox.ts'
import { RestGate } from '../rest-gate.ts'
import { ScoreError, type Scorer } from '../score-order.ts'
import { engineEnv, type Confine, type ManagedKind } from './engine-command.ts'
import { askProgram, findProgram, readVersion } from './find-program.ts'
import { freeMemory, type FreeMemory } from './free-memory.ts'
import type { ManagedOptions } from './managed-options.ts'
import { ManagedServer } from './managed-server.ts'
import { planModels, type PlannedModel } from './plan-models.ts'
import { SUPERVISOR_LIMITS, type SupervisorLimits } from './supervisor.ts'

/** What comes in from outside. */
export interface ManagedRim {
  readonly env?: NodeJS.ProcessEnv
  readonly memory?: () => Promise<FreeMemory>
  readonly random?: () => number
  /** In ms. */
  readonly now?: () => number
  readonly confine?: Confine
  readonly limits?: SupervisorLimits
}

/**
 * llama-server or vLLM, started and watched by the agent: one process for each model, which nobody
 * else can reach.
 */
export class ManagedEngine implements Engine {
  readonly kind: ManagedKind
  readonly #options: ManagedOptions
  readonly #rim: Required<ManagedRim>
  readonly #closing = new AbortController()
  readonly #gate = new RestGate()
  #events: EngineEvents | undefined
  /** Only we may enter it: the sockets are in it. */
  #folder: string | undefined
  #servers: ManagedServer[] = []
  #sandbox: EngineSandbox | undefined

  /** Throws {@link EngineStartError} for names that cannot be offered. */
  constructor(options: ManagedOptions, rim: ManagedRim = {}) {
    this.kind = options.kind
    this.#options = { ...options, models: options.models.map(checkModel) }
    if (options.models.length > MAX_MODELS_PER_PROVIDER) {
      throw new EngineStartError(`at most ${MAX_MODELS_PER_PROVIDER} models can be offered`)
    }
    this.#rim = {
      env: process.env,
      memory: freeMemory,
      random: Math.random,
      now: () => performance.now(),
      confine: (command) => command,
      limits: SUPERVISOR_LIMITS,
      ...rim,
    }
  }

  get models(): readonly EngineModel[] {
    return this.#gate.isShut ? [] : this.#servers.flatMap(({ models }) => models)
  }

  readonly hasSlotsPerModel = true

  /** Of each model. */
  get slots(): number {
    return this.#options.slots
  }

  /** Of all servers; of their caches the fullest. */
  get load(): EngineLoad | undefined {
    return sumOfLoads(this.#servers.flatMap(({ http }) => http.load ?? []))
  }

  async start(events: EngineEvents): Promise<void> {
    const { kind, program: named } = this.#options
    const { env } = this.#rim
    const program = findProgram(kind, named, env['PATH'])
    const ask = (...args: string[]) =>
      askProgram(program, args, engineEnv(env), this.#closing.signal)
    const version = readVersion(kind, await ask('--version'), program)
    events.process?.({ event: 'engine_program', engine: kind, version, path: program })
    const memory = await this.#rim.memory()
    const devices = kind === 'llama-server' ? await ask('--list-devices') : ''
    const { planned, advice } = await planModels(this.#options, { memory, devices })
    this.#throwIfClosed()
    for (const message of advice) events.trouble(message)
    await this.#openSandbox(events)
    this.#folder = mkdtempSync(join(tmpdir(), 'infernet-'))
    // One after the other: each takes the whole disk and most of the processors.
    for (const [i, plan] of planned.entries()) {
      this.#throwIfClosed()
      // Of its own: no engine meets another's socket.
      const folder = join(this.#folder, String(i))
      mkdirSync(folder, { mode: 0o700 })
      const made = join(folder, 'engine.sock')
      const socket = this.#sandbox === undefined ? made : join(this.#folder, `${i}.sock`)
      const server = this.#serverOf(plan, events, { program, made, socket })
      this.#servers.push(server)
      await server.start({
        ...events,
        // While it rests it has none, whatever is seen of its servers.
        modelsChanged: () => {
          if (!this.#gate.isShut) events.modelsChanged()
        },
      })
    }
    this.#events = events
  }

  begin(request: EngineRequest, sink: EngineSink): EngineRun {
    const server = this.#serverWith(request.model)
    if (server === undefined) {
      throw new JobFault(providerFault('engine_down', `no model '${request.model}' now`))
    }
    return this.#gate.begin(request, sink, (it, inner) =>
      server.runs.begin(it, inner, (its, innermost) => server.http.begin(its, innermost)),
    )
  }

  get score(): Scorer | undefined {
    return this.#servers.some(({ http }) => http.score !== undefined) ? this.#score : undefined
  }

  readonly #score: Scorer = async (order, signal) => {
    const score = this.#serverWith(order.model)?.http.score
    if (score === undefined) throw ScoreError.unknownModel(order)
    return this.#gate.count(() => score(order, signal))
  }

  async rest(): Promise<void> {
    const wasOffered = this.models.length > 0
    const idle = this.#gate.shut()
    if (wasOffered) this.#events?.modelsChanged()
    await idle
    if (!this.#gate.isQuiet) return
    await Promise.all(this.#servers.map((server) => server.rest()))
  }

  wake(): void {
    if (this.#closing.signal.aborted) return
    this.#gate.open()
    // Those that had not ended yet are there at once.
    if (this.models.length > 0) this.#events?.modelsChanged()
    // Side by side, as after a fall: a model that was loaded once is read from the system's cache.
    for (const server of this.#servers) server.wake()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#gate.close()
    await Promise.all(this.#servers.map((server) => server.close()))
    this.#sandbox?.close()
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
  }

  async #openSandbox(events: EngineEvents): Promise<void> {
    const { sandbox } = this.#options
    if (sandbox === undefined) return
    this.#sandbox = await EngineSandbox.open(sandbox, this.#closing.signal)
    // Closed while it was opened, it was not there to be closed.
    if (this.#closing.signal.aborted) this.#sandbox.close()
    this.#throwIfClosed()
    events.process?.(this.#sandbox.event)
  }

  #throwIfClosed(): void {
    if (this.#closing.signal.aborted) throw new EngineStartError('stopped before it had started')
  }

  #serverWith(id: string): ManagedServer | undefined {
    if (this.#gate.isShut) return undefined
    return this.#servers.find(({ models }) => models.some((model) => model.id === id))
  }

  #serverOf(
    plan: PlannedModel,
    events: EngineEvents,
    { program, made, socket }: { program: string; made: string; socket: string },
  ): ManagedServer {
    const { gpu, kind, overrides, spec } = this.#options
    const { env, ...rim } = this.#rim
    const key = randomBytes(32).toString('hex')
    return new ManagedServer({
      ...rim,
      kind,
      model: plan.model,
      command: plan.commandOf({ program, socket: made, key, env }),
      socket,
      key,
      ...(this.#sandbox === undefined ? {} : { confine: this.#sandbox.confine }),
      needs: { model: plan.model.path, socket: made, gpu, memoryBytes: plan.memoryBytes },
      tell: (event) => events.process?.(event),
      spec: { ...plan.spec, ...spec },
      ...(overrides === undefined ? {} : { overrides }),
    })
  }
}

function sumOfLoads(loads: readonly EngineLoad[]): EngineLoad | undefined {
  if (loads.length === 0) return undefined
  const sum = (of: (load: EngineLoad) => number) => loads.reduce((n, load) => n + of(load), 0)
  const uses = loads.flatMap(({ kvUse }) => kvUse ?? [])
  return {
    others: sum(({ others }) => others),
    waiting: sum(({ waiting }) => waiting),
    ...(uses.length === 0 ? {} : { kvUse: Math.max(...uses) }),
  }
}

/** llama-server takes a comma for the end of a name. */
function checkModel({ id, path }: ModelFile): ModelFile {
  if (modelOfferSchema.shape.id.safeParse(id).success && !id.includes(',')) {
    return { id, path: resolve(path) }
  }
  throw new EngineStartError(`'${id}' is no name for a model: say --model NAME=${path}`)
}
