import type { IncomingMessage } from 'node:http'
import type { EngineKind } from '@infernet/openai-compat/parameter-table'
import { z } from 'zod'
import { collect, type EngineConnection } from './engine-connection.ts'

/** An engine that does not list its models within this time is down. */
const PROBE_TIMEOUT_MS = 5_000
/** A list of models: llama-server's entry is about 1 KB, gateways list hundreds. */
const MAX_MODELS_BYTES = 4 * 1024 * 1024

/** A model as its server describes it. */
export interface ListedModel {
  readonly name: string
  /** Undefined when the server does not say. */
  readonly contextLength: number | undefined
  readonly quantization: string | undefined
  /** Where its weights are, as the server names it. */
  readonly root: string | undefined
  /** Weights of its own on top of another model's. */
  readonly isAdapter: boolean
  /** Ids of its tokens are below it. */
  readonly vocabSize: number | undefined
}

export interface ProbeResult {
  readonly models: readonly ListedModel[]
  readonly kind: EngineKind
  /** A server that we know, with its models loaded, so that they can be tried. */
  readonly isKnown: boolean
}

export class ProbeError extends Error {
  override readonly name = 'ProbeError'
  readonly code = 'engine_unreachable'
}

const contextLength = z.int().positive()
const listSchema = z.object({
  data: z.array(
    z.looseObject({
      id: z.string(),
      owned_by: z.string().optional(),
      /** vLLM. */
      root: z.string().nullish(),
      parent: z.string().nullish(),
      /** vLLM, SGLang. */
      max_model_len: contextLength.nullish(),
      /** llama-server. */
      meta: z
        .looseObject({
          n_ctx: contextLength.nullish(),
          n_ctx_train: contextLength.nullish(),
          ftype: z.string().nullish(),
          n_vocab: z.int().positive().nullish(),
        })
        .nullish(),
    }),
  ),
})

/** Servers we know by the owner they name, for the table of parameters. */
const KIND_OF_OWNER: ReadonlyMap<string, EngineKind> = new Map([
  ['vllm', 'vllm'],
  // Takes vLLM's words and more.
  ['sglang', 'openai'],
  ['llamacpp', 'llama-server'],
])

/** Asks an engine for its models. Rejects with {@link ProbeError}. */
export function probe(engine: EngineConnection): Promise<ProbeResult> {
  const { promise, resolve, reject } = Promise.withResolvers<ProbeResult>()
  const fail = (reason: string): void => {
    reject(new ProbeError(`the engine at ${engine.base} ${reason}`))
  }
  const onResponse = (response: IncomingMessage): void => {
    const { statusCode, headers } = response
    collect(response, MAX_MODELS_BYTES, (body) => {
      if (statusCode !== 200) return fail(refusal(statusCode))
      try {
        resolve(readList(body?.toString() ?? '', String(headers.server)))
      } catch {
        fail('does not list its models at /v1/models; is it OpenAI-compatible?')
      }
    })
    response.on('error', (error) => fail(error.message))
  }
  const request = engine.request({ path: '/models', reuse: false, onResponse })
  request.setTimeout(PROBE_TIMEOUT_MS, () => request.destroy(new Error('does not answer')))
  request.on('error', (error) => {
    const isNone = 'code' in error && /^(ECONNREFUSED|ENOENT)$/.test(String(error.code))
    fail(isNone ? 'is not running' : error.message)
  })
  return promise
}

const refusal = (status: number | undefined): string =>
  status === 401 || status === 403
    ? `wants a key (HTTP ${status}): set INFERNET_ENGINE_KEY`
    : `answered HTTP ${status} to /v1/models`

function readList(body: string, server: string): ProbeResult {
  const { data } = listSchema.parse(JSON.parse(body))
  const owned = KIND_OF_OWNER.get(data[0]?.owned_by ?? '')
  const kind = server === 'llama.cpp' ? 'llama-server' : owned
  return {
    kind: kind ?? 'openai',
    isKnown: kind !== undefined,
    models: data.map(({ id, max_model_len, meta, root, parent }) => ({
      name: id,
      contextLength: max_model_len ?? meta?.n_ctx ?? meta?.n_ctx_train ?? undefined,
      quantization: meta?.ftype ?? undefined,
      root: root ?? undefined,
      isAdapter: typeof parent === 'string',
      vocabSize: meta?.n_vocab ?? undefined,
    })),
  }
}
