import { ApiError } from '@infernet/openai-compat/api-error'
import { embeddingsAnswer } from '@infernet/openai-compat/embeddings-answer'
import {
  parseEmbeddingsRequest,
  type EmbeddingsRequest,
} from '@infernet/openai-compat/embeddings-request'
import { MAX_ANSWER_BYTES } from '@infernet/schemas/limits'
import type { JobError } from '@infernet/schemas/wire'
import {
  JobFault,
  providerFault,
  requestFault,
  type EngineRequest,
  type EngineRun,
  type EngineSink,
  type EngineUsage,
} from './engine.ts'
import { promptsOf } from './local-completion-request.ts'
import { requestFaultOf, type LocalModel } from './local-request.ts'
import type { VectorSink, VectorSource } from './token-source.ts'

/** A vector as it came, its numbers, and the document that they end in. */
const COPIES = 4

/** Answers a request for embeddings. Throws {@link JobFault} for what is refused at sight. */
export function beginLocalEmbeddings(
  source: Partial<VectorSource>,
  model: LocalModel,
  request: EngineRequest,
  sink: EngineSink,
): EngineRun {
  const { body } = parse(request.body)
  if (body.dimensions) {
    const message = `The model '${model.id}' has vectors of one length only.`
    throw new JobFault(requestFault('unsupported_parameter', message, { param: 'dimensions' }))
  }
  const inputs = promptsOf(body.input, model)
  const answer = new LocalEmbeddings(request, body, sink)
  const run = source.embed?.(inputs, answer)
  if (run === undefined) {
    throw new JobFault(providerFault('engine_error', `${model.id} cannot embed`))
  }
  return {
    // One document at the end: there is nothing to hold back before.
    pause: () => {},
    resume: () => {},
    abort: () => {
      answer.silence()
      run.abort()
    },
    usage: () => answer.usage,
  }
}

class LocalEmbeddings implements VectorSink {
  readonly #request: Pick<EngineRequest, 'model'>
  readonly #requestBytes: number
  readonly #body: EmbeddingsRequest['body']
  #sink: EngineSink | undefined
  readonly #vectors: string[] = []
  #tokens = 0
  #heldBytes = 0

  constructor(request: EngineRequest, body: EmbeddingsRequest['body'], sink: EngineSink) {
    this.#request = request
    this.#requestBytes = request.body.length
    this.#body = body
    this.#sink = sink
  }

  get usage(): EngineUsage {
    return { prompt_tokens: this.#tokens, completion_tokens: 0 }
  }

  silence(): void {
    this.#sink = undefined
  }

  vector(base64: string, tokens: number): void {
    this.#vectors.push(base64)
    this.#heldBytes += COPIES * base64.length
    this.#tokens += tokens
    this.#sink?.holds?.(this.#heldBytes)
  }

  end(): void {
    const data = this.#vectors.map((embedding, index) => ({ index, embedding }))
    const made = embeddingsAnswer(
      { data, usage: { prompt_tokens: this.#tokens } },
      { body: this.#body, model: this.#request.model, requestBytes: this.#requestBytes },
    )
    if (made === undefined) return this.fail(providerFault('engine_error', 'unusable vectors'))
    const bytes = Buffer.from(JSON.stringify(made.answer))
    if (bytes.length > MAX_ANSWER_BYTES) return this.fail(tooLarge(this.#body))
    this.#tokens = made.promptTokens
    this.#sink?.data(bytes)
    this.#sink?.finish('stop')
    this.#sink = undefined
  }

  fail(error: JobError): void {
    this.#sink?.fail(error)
    this.#sink = undefined
  }
}

/** No provider can answer more than the wire carries. */
function tooLarge({ encoding_format: format }: EmbeddingsRequest['body']): JobError {
  const advice = format === 'base64' ? '' : ", or ask for 'encoding_format': 'base64'"
  return requestFault(
    'answer_too_large',
    `The vectors are over ${MAX_ANSWER_BYTES} bytes together: send fewer inputs at once${advice}.`,
    { param: 'input' },
  )
}

function parse(body: Uint8Array): EmbeddingsRequest {
  try {
    return parseEmbeddingsRequest(body)
  } catch (error) {
    throw error instanceof ApiError ? requestFaultOf(error) : error
  }
}
