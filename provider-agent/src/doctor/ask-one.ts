import type { Endpoint } from '@infernet/schemas/wire'
import {
  faultOf,
  providerFault,
  type Engine,
  type EngineModel,
  type EngineSink,
} from '../engines/engine.ts'

const WORDS = 'Say hello.'
/** Enough to see that something comes. */
const TOKENS = 8

/** A question that anything answers, in the form of an endpoint. */
export function questionFor(endpoint: Endpoint): object {
  if (endpoint === 'embeddings') return { input: WORDS }
  if (endpoint === 'completions') return { prompt: WORDS, max_tokens: TOKENS }
  return { messages: [{ role: 'user', content: WORDS }], max_tokens: TOKENS }
}

/** Has the engine answer one question; resolves with the tokens of the answer. Rejects with a `JobFault`. */
export async function askOne(
  engine: Engine,
  { id, endpoints }: EngineModel,
  signal: AbortSignal,
): Promise<number> {
  const endpoint = endpoints[0] ?? 'chat.completions'
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const fail = (error: Parameters<EngineSink['fail']>[0]): void => reject(new Error(error.message))
  const body = Buffer.from(JSON.stringify({ model: id, ...questionFor(endpoint) }))
  const request = {
    endpoint,
    continues: false,
    model: id,
    seed: 1,
    stream: false,
    include_usage: false,
    max_output_tokens: TOKENS,
    body,
  }
  const run = begin(engine, request, { data: () => {}, finish: () => resolve(), fail })
  const stop = (): void => {
    run.abort()
    fail(providerFault('aborted', 'the question was stopped'))
  }
  signal.addEventListener('abort', stop)
  try {
    await promise
  } finally {
    signal.removeEventListener('abort', stop)
  }
  return run.usage().completion_tokens
}

function begin(engine: Engine, ...args: Parameters<Engine['begin']>): ReturnType<Engine['begin']> {
  try {
    return engine.begin(...args)
  } catch (cause) {
    throw new Error(faultOf(cause).message, { cause })
  }
}
