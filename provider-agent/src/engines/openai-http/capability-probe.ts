import type { IncomingMessage } from 'node:http'
import { engineRequest } from '@infernet/openai-compat/engine-request'
import type { EngineKind } from '@infernet/openai-compat/parameter-table'
import { SseDecoder } from '@infernet/openai-compat/sse-decoder'
import type { CapabilityName, Endpoint } from '@infernet/schemas/wire'
import { z } from 'zod'
import { collect, type EngineConnection } from './engine-connection.ts'

/** A busy engine answers a question for one token late, but it does. */
const PROBE_TIMEOUT_MS = 20_000
const MAX_ANSWER_BYTES = 1024 * 1024
/** More than one token: an engine whose answer holds all of it has said it again. */
const BEGUN = 'The quick brown fox jumps over the lazy dog, and then'

/** What a model was seen to do. */
export interface SeenCapabilities {
  readonly endpoints: readonly Endpoint[]
  readonly capabilities: readonly CapabilityName[]
  /** It says the beginning of a continued answer again, which has to be taken out. */
  readonly echoes: boolean
}

/** What every server we know by name does with a model that generates text. */
const OF_KNOWN_SERVERS = ['tools', 'json_schema', 'logprobs', 'seed', 'choices'] as const

/**
 * What is assumed of a server that we do not know and so do not question: some load a model of many
 * gigabytes to answer one token. Nothing that would spoil an answer if it were wrong.
 */
export const UNSEEN: SeenCapabilities = {
  endpoints: ['chat.completions', 'completions'],
  capabilities: ['tools', 'json_schema', 'logprobs', 'seed'],
  echoes: false,
}

const chunkSchema = z.object({
  choices: z.array(z.object({ delta: z.object({ content: z.string().nullish() }) })),
})

/**
 * Tries what a model can do, with one token of each: servers do not tell. For servers that have one
 * model loaded. Never rejects: undefined when the engine did not answer to the point.
 */
export async function seeCapabilities(
  engine: EngineConnection,
  model: string,
  kind: EngineKind,
): Promise<SeenCapabilities | undefined> {
  const user = { role: 'user' as const, content: 'Say a sentence.' }
  const begun = { role: 'assistant' as const, content: BEGUN }
  const options = { kind, model, stream: false, maxOutputTokens: 1 }
  const post = (path: string, body: unknown) => question(engine, path, body)
  const chat = await post('/chat/completions', engineRequest({ model, messages: [user] }, options))
  const continued = await post(
    '/chat/completions',
    engineRequest(
      { model, messages: [user, begun] },
      // Only streams are continued, and llama-server's say less again than its documents.
      { ...options, stream: true, continues: true },
    ),
  )
  const completion = await post('/completions', { model, prompt: 'The', max_tokens: 1 })
  const vector = await post('/embeddings', { model, input: 'The' })
  const answers = [chat, continued, completion, vector]
  if (answers.some(({ verdict }) => verdict === 'unknown')) return undefined
  const endpoints: Endpoint[] = []
  if (chat.verdict === 'yes') endpoints.push('chat.completions')
  if (completion.verdict === 'yes') endpoints.push('completions')
  if (vector.verdict === 'yes') endpoints.push('embeddings')
  const generates = chat.verdict === 'yes' || completion.verdict === 'yes'
  const continues = continued.verdict === 'yes' || chat.verdict === 'no'
  return {
    endpoints,
    capabilities: generates
      ? [...OF_KNOWN_SERVERS, ...(continues ? ['continue' as const] : [])]
      : [],
    echoes: streamedText(continued.body).startsWith(BEGUN),
  }
}

interface Answer {
  readonly verdict: 'yes' | 'no' | 'unknown'
  readonly body?: Buffer | undefined
}

/** A refusal is an answer too; being busy, broken or gone is none. */
const REFUSALS: ReadonlySet<number> = new Set([400, 404, 405, 422, 501])

function question(engine: EngineConnection, path: string, body: unknown): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>()
  const onResponse = (response: IncomingMessage): void => {
    const { statusCode = 0 } = response
    response.on('error', () => resolve({ verdict: 'unknown' }))
    collect(response, MAX_ANSWER_BYTES, (bytes) => {
      if (REFUSALS.has(statusCode)) return resolve({ verdict: 'no' })
      resolve({ verdict: statusCode === 200 ? 'yes' : 'unknown', body: bytes })
    })
  }
  const request = engine.request({
    path,
    body: JSON.stringify(body),
    reuse: false,
    probes: true,
    onResponse,
  })
  request.setTimeout(PROBE_TIMEOUT_MS, () => request.destroy(new Error('does not answer')))
  request.on('error', () => resolve({ verdict: 'unknown' }))
  return promise
}

/** The text of a chat's stream; what cannot be read has none. */
function streamedText(body: Buffer | undefined): string {
  try {
    return new SseDecoder()
      .push(body ?? Buffer.alloc(0))
      .filter(({ data }) => data !== '[DONE]')
      .flatMap(({ data }) => chunkSchema.safeParse(JSON.parse(data)).data?.choices ?? [])
      .map(({ delta }) => delta.content ?? '')
      .join('')
  } catch {
    return ''
  }
}
