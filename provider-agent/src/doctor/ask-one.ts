import type { Endpoint } from '@infernet/schemas/wire'
import type { Engine, EngineModel } from '../engines/engine.ts'
import { finishedRun } from '../engines/finished-run.ts'

const WORDS = 'Say hello.'
/** Enough to see that something comes. */
const TOKENS = 8

/** A question that anything answers, in the form of an endpoint. */
export function questionFor(endpoint: Endpoint): object {
  if (endpoint === 'embeddings') return { input: WORDS }
  if (endpoint === 'completions') return { prompt: WORDS, max_tokens: TOKENS }
  return { messages: [{ role: 'user', content: WORDS }], max_tokens: TOKENS }
}

/** Has the engine answer one question; resolves with the tokens of the answer. Rejects with `RunFault`. */
export async function askOne(
  engine: Engine,
  { id, endpoints }: EngineModel,
  signal: AbortSignal,
): Promise<number> {
  const endpoint = endpoints[0] ?? 'chat.completions'
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
  const run = await finishedRun(engine, request, signal)
  return run.usage().completion_tokens
}
