import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { collect, type EngineConnection } from './engine-connection.ts'
import { kindOfList, SERVER_SIGNS, type ServerKind } from './engine-kinds.ts'
import { pageOf } from './facts-page.ts'

/** An engine that does not list its models within this time is down. */
const PROBE_TIMEOUT_MS = 5_000
/** A server that does not say what it is within this time is one that nobody knows. */
const SIGN_TIMEOUT_MS = 2_000
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
  /** Seconds since 1970, of whatever its server means by it: of the model, or of the question. */
  readonly created: number | undefined
  /** Another one means that something else is served under the name. */
  readonly mark: string
}

export interface ProbeResult {
  readonly models: readonly ListedModel[]
  readonly kind: ServerKind
}

export class ProbeError extends Error {
  override readonly name = 'ProbeError'
  readonly code = 'engine_unreachable'
}

const contextLength = z.int().positive()
const listedSchema = z.looseObject({
  id: z.string(),
  owned_by: z.string().optional(),
  created: z.number().optional().catch(undefined),
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
})
/** Ollama without a model has null for a list. */
const listSchema = z.object({ data: z.array(listedSchema).nullable() })

/**
 * Asks an engine for its models. What it is, is asked where its list does not say it and is not the
 * one that it was `before`. Rejects with {@link ProbeError}.
 */
export async function probe(engine: EngineConnection, before?: ProbeResult): Promise<ProbeResult> {
  const { models, kind } = await list(engine)
  if (kind !== undefined) return { models, kind }
  const isSame = before !== undefined && marksOf(before.models) === marksOf(models)
  return { models, kind: isSame ? before.kind : await kindOfSigns(engine) }
}

const marksOf = (models: readonly ListedModel[]): string =>
  JSON.stringify(models.map(({ name, mark }) => [name, mark]))

async function kindOfSigns(engine: EngineConnection): Promise<ServerKind> {
  const signal = AbortSignal.timeout(SIGN_TIMEOUT_MS)
  const isThere = await Promise.all(
    SERVER_SIGNS.map(
      async ({ path, shape }) => shape.safeParse(await pageOf(engine, { path, signal })).success,
    ),
  )
  return SERVER_SIGNS.find((_, i) => isThere[i])?.kind ?? 'unknown'
}

interface ModelList {
  readonly models: readonly ListedModel[]
  readonly kind: ServerKind | undefined
}

function list(engine: EngineConnection): Promise<ModelList> {
  const { promise, resolve, reject } = Promise.withResolvers<ModelList>()
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
  const request = engine.request({ path: '/models', onResponse })
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

function readList(body: string, header: string): ModelList {
  const data = listSchema.parse(JSON.parse(body)).data ?? []
  return {
    kind: kindOfList(data[0]?.owned_by, header),
    models: data.map(({ id, owned_by, created, max_model_len, meta, root, parent }) => ({
      name: id,
      contextLength: max_model_len ?? meta?.n_ctx ?? meta?.n_ctx_train ?? undefined,
      quantization: meta?.ftype ?? undefined,
      root: root ?? undefined,
      isAdapter: typeof parent === 'string',
      vocabSize: meta?.n_vocab ?? undefined,
      created,
      // Not all of it: some name the time of the question in it.
      mark: JSON.stringify([owned_by, root, parent, max_model_len, meta]),
    })),
  }
}
