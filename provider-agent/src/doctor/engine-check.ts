import { EngineStartError, type Engine } from '../engines/engine.ts'
import { OfferFlagError } from '../engines/offer-overrides.ts'
import { askOne } from './ask-one.ts'
import { failed, ok, skipped, type Check, type Finding } from './check.ts'

/** Weights are read, and for some servers hashed, at a second for each gigabyte. */
const ENGINE_LIMIT_MS = 300_000

export interface EngineCheckOptions {
  /** The engine as `run` would have it, not started. Throws what `run` would. */
  readonly create: () => Engine
  /** It loads the models itself, which should not be there twice. */
  readonly isEmbedded: boolean
  /** Whether an agent with the same data runs here. */
  readonly isRunning: () => Promise<boolean>
  readonly now: () => number
}

/** Starts the engine as `run` would, and has each of its models answer one question. */
export const engineCheck = (options: EngineCheckOptions): Check => ({
  id: 'engine',
  name: 'engine',
  limitMs: ENGINE_LIMIT_MS,
  async run(signal) {
    const { create, isEmbedded, isRunning, now } = options
    if (isEmbedded && (await isRunning())) {
      return skipped('the running agent has it: infernet-agent models')
    }
    try {
      return await tried(create(), signal, now)
    } catch (error) {
      if (!(error instanceof EngineStartError || error instanceof OfferFlagError)) throw error
      return failed(error.message, 'change that, then infernet-agent doctor once more')
    }
  },
})

async function tried(engine: Engine, signal: AbortSignal, now: () => number): Promise<Finding> {
  const troubles: string[] = []
  const stopped = Promise.withResolvers<never>()
  stopped.promise.catch(() => {})
  const stop = (): void => stopped.reject(new Error('it was stopped while it started'))
  signal.addEventListener('abort', stop)
  const events = {
    modelsChanged: () => {},
    trouble: (message: string) => void troubles.push(message),
  }
  try {
    await Promise.race([engine.start(events), stopped.promise])
    return await asked(engine, troubles, signal, now)
  } finally {
    signal.removeEventListener('abort', stop)
    await engine.close()
  }
}

function nextStepAfter(why: string): string {
  if (why.includes('--model NAME')) return 'add --model NAME, then infernet-agent doctor once more'
  if (why.includes('before it answers')) return 'look at the engine’s log'
  return 'start the server, or name another with --engine-url'
}

async function asked(
  engine: Engine,
  troubles: readonly string[],
  signal: AbortSignal,
  now: () => number,
): Promise<Finding> {
  const { models, kind } = engine
  if (models.length === 0) {
    // The doctor looks once.
    const why = troubles.at(-1)?.replace(/; looking again.*$/, '') ?? 'it serves no model now'
    return failed(`${kind}: ${why}`, nextStepAfter(why))
  }
  const said: string[] = []
  for (const model of models) {
    const begun = now()
    try {
      const tokens = await askOne(engine, model, signal)
      const seconds = ((now() - begun) / 1000).toFixed(1)
      said.push(`${model.id} answered in ${seconds} s${tokens > 0 ? ` (${tokens} tokens)` : ''}`)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return failed(`${kind}: ${model.id} does not answer: ${reason}`, 'look at the engine’s log')
    }
  }
  return ok(`${kind}: ${said.join(', ')}`)
}
