import type { AgentStatus } from '../control/agent-status.ts'
import { EngineStartError, type Engine } from '../engines/engine.ts'
import { OfferFlagError } from '../engines/offer-overrides.ts'
import { errorMessage } from '../error-message.ts'
import { askOne } from './ask-one.ts'
import { failed, ok, skipped, type Check, type Finding } from './check.ts'

/** How long a start, and one answer, may take, in ms. */
export interface EngineLimits {
  readonly startMs: number
  readonly answerMs: number
}

/** Weights are read, and for some hashed, at a second for each gigabyte; large ones answer slowly on a processor. */
const OWN_LIMITS: EngineLimits = { startMs: 300_000, answerMs: 120_000 }
/** A server has its models already, or loads one of some gigabytes now; it answers behind the jobs of clients. */
const SERVER_LIMITS: EngineLimits = { startMs: 30_000, answerMs: 30_000 }
/** All of it, for an engine with many models. */
const ENGINE_LIMIT_MS = 600_000

export type RunningEngine = Pick<AgentStatus, 'engine' | 'paused' | 'resting'>

export interface EngineCheckOptions {
  /** The engine as `run` would have it, not started. Throws what `run` would. */
  readonly create: () => Engine
  /** It loads the models itself, which should not be there twice. */
  readonly isEmbedded: boolean
  /** What an agent with the same data says of its engine, if one runs here. */
  readonly running: () => Promise<RunningEngine | undefined>
  readonly now: () => number
  readonly limits?: EngineLimits
}

const limitsOf = ({ limits, isEmbedded }: EngineCheckOptions): EngineLimits =>
  limits ?? (isEmbedded ? OWN_LIMITS : SERVER_LIMITS)

/** Starts the engine as `run` would, and has each of its models answer one question. */
export const engineCheck = (options: EngineCheckOptions): Check => ({
  id: 'engine',
  name: 'engine',
  limitMs: ENGINE_LIMIT_MS,
  waitsFor: options.isEmbedded
    ? 'to load its models, which may take minutes'
    : `its server has ${SERVER_LIMITS.startMs / 1000} s for each answer`,
  async run(signal) {
    const { create, isEmbedded, running } = options
    const agent = isEmbedded ? await running() : undefined
    if (agent !== undefined) return foundWith(agent)
    try {
      return await tried(create(), signal, options)
    } catch (error) {
      if (!(error instanceof EngineStartError || error instanceof OfferFlagError)) throw error
      return failed(error.message, 'change that, then infernet-agent doctor once more')
    }
  },
})

/** Of the agent that has it: in a pause it is as it should be without a process. */
const foundWith = ({ engine, paused, resting }: RunningEngine): Finding =>
  resting
    ? ok(`${engine} rests, and its memory is free: ${paused ?? 'no jobs may come in'}`)
    : skipped('the running agent has it: infernet-agent models')

async function tried(
  engine: Engine,
  signal: AbortSignal,
  options: EngineCheckOptions,
): Promise<Finding> {
  const troubles: string[] = []
  const events = {
    modelsChanged: () => {},
    trouble: (message: string) => void troubles.push(message),
  }
  const { startMs } = limitsOf(options)
  try {
    const isStarted = await within(startMs, signal, () => engine.start(events))
    if (!isStarted) return notStarted(engine, startMs, options)
    return await asked(engine, troubles, signal, options)
  } finally {
    await engine.close()
  }
}

/** Whether `begin` ended before `ms` were over. Rejects with it, and with `signal`. */
async function within(
  ms: number,
  signal: AbortSignal,
  begin: () => Promise<void>,
): Promise<boolean> {
  const late = AbortSignal.timeout(ms)
  const until = AbortSignal.any([signal, late])
  const stopped = Promise.withResolvers<boolean>()
  stopped.promise.catch(() => {})
  const stop = (): void => {
    if (late.aborted) stopped.resolve(false)
    else stopped.reject(new Error('it was stopped while it started'))
  }
  until.addEventListener('abort', stop)
  try {
    return await Promise.race([begin().then(() => true), stopped.promise])
  } finally {
    until.removeEventListener('abort', stop)
  }
}

function notStarted({ kind }: Engine, ms: number, { isEmbedded }: EngineCheckOptions): Finding {
  const said = `${kind}: it was not ready after ${ms / 1000} s`
  if (isEmbedded) {
    return failed(said, 'a smaller model, or a faster disk; infernet-agent run waits for it longer')
  }
  return failed(
    `${said}: its server does not answer, or loads a model`,
    'look at the server’s log; does it hang? start it anew. While it loads: infernet-agent doctor once more, later',
  )
}

function nextStepAfter(why: string): string {
  if (why.includes('--model NAME')) return 'add --model NAME, then infernet-agent doctor once more'
  if (why.includes('before it answers')) return 'look at the engine’s log'
  return 'start the server, or name another with --engine-url'
}

const unanswered = (kind: string, model: string, ms: number): Finding =>
  failed(
    `${kind}: ${model} has not answered a question of a few tokens in ${ms / 1000} s`,
    'is it busy? infernet-agent doctor once more, later; does it hang? look at its log, and start it anew',
  )

async function asked(
  engine: Engine,
  troubles: readonly string[],
  signal: AbortSignal,
  options: EngineCheckOptions,
): Promise<Finding> {
  const { models, kind } = engine
  const { now } = options
  const { answerMs } = limitsOf(options)
  if (models.length === 0) {
    // The doctor looks once.
    const why = troubles.at(-1)?.replace(/; looking again.*$/, '') ?? 'it serves no model now'
    return failed(`${kind}: ${why}`, nextStepAfter(why))
  }
  const said: string[] = []
  for (const model of models) {
    const begun = now()
    const late = AbortSignal.timeout(answerMs)
    try {
      const tokens = await askOne(engine, model, AbortSignal.any([signal, late]))
      const seconds = ((now() - begun) / 1000).toFixed(1)
      said.push(`${model.id} answered in ${seconds} s${tokens > 0 ? ` (${tokens} tokens)` : ''}`)
    } catch (error) {
      if (late.aborted) return unanswered(kind, model.id, answerMs)
      return failed(
        `${kind}: ${model.id} does not answer: ${errorMessage(error)}`,
        'look at the engine’s log',
      )
    }
  }
  return ok(`${kind}: ${said.join(', ')}`)
}
