import { ApiError } from '@infernet/openai-compat/api-error'
import type { ChatRequestBody } from '@infernet/openai-compat/chat-request-schema'
import { meterAnswer } from '@infernet/openai-compat/completion-meter'
import { parseCompletionRequest } from '@infernet/openai-compat/completion-request'
import { embeddingsAnswer } from '@infernet/openai-compat/embeddings-answer'
import {
  parseEmbeddingsRequest,
  type EmbeddingsRequest,
} from '@infernet/openai-compat/embeddings-request'
import {
  completionEngineRequest,
  embeddingsEngineRequest,
  engineRequest,
} from '@infernet/openai-compat/engine-request'
import type { EngineKind } from '@infernet/openai-compat/parameter-table'
import type { Endpoint, JobUsage } from '@infernet/schemas/wire'
import { JobFault, requestFault, type EngineRequest } from '../engine.ts'
import { modelRewriter, type ModelAlias } from './model-alias.ts'

/** A whole answer, as it goes on. */
export interface WholeAnswer {
  readonly bytes: Buffer
  readonly finishReason: string
  /** UTF-8 bytes of text over all choices; vectors have none. */
  readonly textBytes: number
  /** Undefined when the engine did not count. */
  readonly usage: JobUsage | undefined
}

/** What one job is to an HTTP engine. */
export interface EngineJob {
  /** Below `/v1`. */
  readonly path: string
  readonly payload: Readonly<Record<string, unknown>>
  /** Choices of the answer: it is complete when all have finished. */
  readonly choices: number
  /** What an engine may say again at the start of a continued answer. */
  readonly begun: string
  /** Reads an answer that was not streamed; undefined when it is none. */
  readonly read: (body: Buffer) => WholeAnswer | undefined
}

const PATHS: Readonly<Record<Endpoint, string>> = {
  'chat.completions': '/chat/completions',
  completions: '/completions',
  embeddings: '/embeddings',
}

/** Whom a job is for, and how it is spoken to. */
export interface JobServer {
  readonly alias: ModelAlias
  readonly kind: EngineKind
  /** Fields that it would take for mistakes. */
  readonly withholds?: readonly string[] | undefined
}

/** The engine call for a job. Throws `JobFault` for a body that is no request. */
export function engineJob(request: EngineRequest, server: JobServer): EngineJob {
  const job = wholeJob(request, server)
  const { withholds = [] } = server
  if (withholds.length === 0) return job
  const fields = Object.entries(job.payload).filter(([name]) => !withholds.includes(name))
  return { ...job, payload: Object.fromEntries(fields) }
}

function wholeJob(request: EngineRequest, { alias, kind }: JobServer): EngineJob {
  const options = {
    kind,
    model: alias.engineName,
    seed: request.seed,
    stream: request.stream,
    maxOutputTokens: request.max_output_tokens,
    continues: request.continues,
  }
  const path = PATHS[request.endpoint]
  try {
    if (request.endpoint === 'embeddings') {
      const wanted = parseEmbeddingsRequest(request.body)
      const payload = embeddingsEngineRequest(wanted.body, options)
      const read = (body: Buffer) => readVectors(body, wanted, request)
      return { path, payload, choices: 1, begun: '', read }
    }
    const read = (body: Buffer) => readText(body, request, alias)
    if (request.endpoint === 'completions') {
      const { body, n } = parseCompletionRequest(request.body)
      return { path, payload: completionEngineRequest(body, options), choices: n, begun: '', read }
    }
    const body = readChat(request.body)
    const begun = request.continues ? begunText(body) : ''
    return { path, payload: engineRequest(body, options), choices: body.n ?? 1, begun, read }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    const { code, message, status, param } = error
    throw new JobFault(requestFault(code ?? 'invalid_request', message, { status, param }))
  }
}

/** The fields we touch must be what they should be; the rest is the engine's to judge. */
function readChat(bytes: Uint8Array): ChatRequestBody {
  try {
    const body: unknown = JSON.parse(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(),
    )
    const { messages } = body as { messages?: unknown }
    const isList = Array.isArray(messages) && messages.every((m) => typeof m === 'object' && m)
    if (isList) return body as ChatRequestBody
  } catch {
    // Reported below, like any other body that is not a request.
  }
  throw new JobFault(requestFault('invalid_request', 'The body is not a chat completion request.'))
}

function begunText({ messages }: ChatRequestBody): string {
  const last = messages.at(-1)
  return last?.role === 'assistant' && typeof last.content === 'string' ? last.content : ''
}

function readText(
  body: Buffer,
  { endpoint }: EngineRequest,
  alias: ModelAlias,
): WholeAnswer | undefined {
  const facts = meterAnswer(endpoint, body)
  const finishReason = facts?.finishReasons[0]
  if (facts === undefined || finishReason === undefined) return undefined
  const bytes = modelRewriter(alias)?.(body) ?? body
  const answer = { bytes, finishReason, textBytes: facts.contentBytes }
  if (facts.usage === undefined) return { ...answer, usage: undefined }
  const { prompt_tokens, completion_tokens, prompt_tokens_details: details } = facts.usage
  const cached = details === undefined ? {} : { cached_tokens: details.cached_tokens }
  return { ...answer, usage: { prompt_tokens, completion_tokens, ...cached } }
}

function readVectors(
  body: Buffer,
  { body: wanted }: EmbeddingsRequest,
  { model, body: bytes }: EngineRequest,
): WholeAnswer | undefined {
  let value: unknown
  try {
    value = JSON.parse(body.toString())
  } catch {
    return undefined
  }
  const made = embeddingsAnswer(value, { body: wanted, model, requestBytes: bytes.length })
  return (
    made && {
      bytes: Buffer.from(JSON.stringify(made.answer)),
      finishReason: 'stop',
      textBytes: 0,
      usage: { prompt_tokens: made.promptTokens, completion_tokens: 0 },
    }
  )
}
