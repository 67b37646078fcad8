import type { ClientRequest, IncomingMessage } from 'node:http'
import { ApiError } from '@infernet/openai-compat/api-error'
import type { ChatRequestBody } from '@infernet/openai-compat/chat-request-schema'
import { engineRequest } from '@infernet/openai-compat/engine-request'
import type { EngineKind } from '@infernet/openai-compat/parameter-table'
import { BYTES_PER_PROMPT_TOKEN, parseUsage } from '@infernet/openai-compat/usage'
import { MAX_ANSWER_BYTES } from '@infernet/schemas/limits'
import type { JobError, JobUsage } from '@infernet/schemas/wire'
import {
  JobFault,
  providerFault,
  requestFault,
  type EngineRequest,
  type EngineRun,
  type EngineSink,
  type EngineUsage,
} from '../engine.ts'
import { collect, type EngineConnection } from './engine-connection.ts'
import { errorOfResponse } from './engine-error.ts'
import { modelRewriter, type ModelAlias } from './model-alias.ts'
import { SseRelay, SseRelayError } from './sse-relay.ts'

/** An engine that says nothing for so long is stuck: no prefill takes five minutes. */
const SILENCE_MS = 300_000
/** Of an error's body. */
const MAX_ERROR_BYTES = 64 * 1024

export interface ChatCallOptions {
  readonly connection: EngineConnection
  readonly alias: ModelAlias
  readonly serverKind: EngineKind
  readonly request: EngineRequest
  readonly sink: EngineSink
  /** The call is over, well or not. */
  readonly onOver: () => void
  /** The engine could not be reached at all. */
  readonly onUnreachable: () => void
}

/** One chat completion asked of an HTTP engine. Throws `JobFault` for a body that is no request. */
export class ChatCall implements EngineRun {
  readonly #options: ChatCallOptions
  readonly #relay: SseRelay
  readonly #rewrite: ((bytes: Buffer) => Buffer) | undefined
  readonly #payload: string
  readonly #bodyBytes: number
  #request: ClientRequest
  #response: IncomingMessage | undefined
  #usage: JobUsage | undefined
  /** Of an answer that was not streamed. */
  #answerBytes = 0
  #isPaused = false
  #isOver = false

  constructor(options: ChatCallOptions) {
    this.#options = options
    const { alias, request, serverKind } = options
    const body = readBody(request.body)
    this.#bodyBytes = request.body.length
    this.#rewrite = modelRewriter(alias)
    this.#relay = new SseRelay({
      showUsage: request.include_usage,
      choices: body.n ?? 1,
      ...(this.#rewrite === undefined ? {} : { rewrite: this.#rewrite }),
    })
    this.#payload = JSON.stringify(this.#build(body))
    this.#request = this.#send(!request.stream && serverKind !== 'llama-server')
  }

  pause(): void {
    this.#isPaused = true
    this.#response?.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#response?.resume()
  }

  abort(): void {
    if (this.#isOver) return
    this.#over()
    this.#request.destroy()
  }

  /**
   * The engine's own count if it gave one. Otherwise our estimate: a token per content event, or
   * per four bytes of JSON where there are no events, as for the prompt.
   */
  usage(): EngineUsage {
    const counted = this.#usage ?? this.#relay.usage
    if (counted !== undefined) return counted
    return {
      prompt_tokens: Math.ceil(this.#bodyBytes / BYTES_PER_PROMPT_TOKEN),
      completion_tokens:
        this.#relay.contentEvents + Math.ceil(this.#answerBytes / BYTES_PER_PROMPT_TOKEN),
      estimated: true,
    }
  }

  /**
   * llama-server closes after an answer although it announces keep-alive, and streams end with a
   * close too; elsewhere a reused connection halves the cost of a short answer.
   */
  #send(reuse: boolean): ClientRequest {
    const request = this.#options.connection.request({
      path: '/chat/completions',
      body: this.#payload,
      reuse,
      onResponse: (response) => this.#receive(response),
    })
    request.on('error', (error) => this.#broken(error))
    request.setTimeout(SILENCE_MS, () => this.#silent())
    return request
  }

  #build(body: ChatRequestBody): Record<string, unknown> {
    const { alias, request, serverKind } = this.#options
    try {
      return engineRequest(body, {
        kind: serverKind,
        model: alias.engineName,
        stream: request.stream,
        maxOutputTokens: request.max_output_tokens,
      })
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      const { code, message, status, param } = error
      throw new JobFault(requestFault(code ?? 'invalid_request', message, { status, param }))
    }
  }

  #receive(response: IncomingMessage): void {
    this.#response = response
    response.on('error', (error) => this.#broken(error))
    if (response.statusCode !== 200) {
      const status = response.statusCode ?? 0
      return collect(response, MAX_ERROR_BYTES, (body) => {
        this.#fail(errorOfResponse(status, body?.toString() ?? ''))
      })
    }
    if (this.#isPaused) response.pause()
    if (this.#options.request.stream) this.#relayStream(response)
    else collect(response, MAX_ANSWER_BYTES, (body) => this.#answer(body))
  }

  #relayStream(response: IncomingMessage): void {
    const type = response.headers['content-type'] ?? ''
    if (!type.startsWith('text/event-stream')) {
      this.#request.destroy()
      return this.#fail(providerFault('engine_protocol', `the engine streams '${type}'`))
    }
    response.on('data', (chunk: Buffer) => this.#relayChunk(chunk))
    response.on('end', () => this.#streamEnded())
  }

  #relayChunk(chunk: Buffer): void {
    if (this.#isOver) return
    try {
      this.#deliver(this.#relay.push(chunk))
    } catch (error) {
      if (!(error instanceof SseRelayError)) throw error
      this.#request.destroy()
      return this.#fail(providerFault(error.code, `the engine failed: ${error.message}`))
    }
    if (this.#relay.isDone) this.#streamEnded()
  }

  /** Without a finish reason for every choice, an end is a cut, `[DONE]` or not. */
  #streamEnded(): void {
    if (this.#isOver) return
    if (!this.#relay.isComplete) {
      return this.#fail(providerFault('engine_cut', 'the engine ended before its answer did'))
    }
    this.#deliver(this.#relay.flush())
    this.#finish(this.#relay.finishReason ?? 'stop')
  }

  #answer(body: Buffer | undefined): void {
    if (this.#isOver) return
    if (body === undefined) {
      const message = `the engine's answer is over ${MAX_ANSWER_BYTES} bytes`
      return this.#fail(providerFault('answer_too_large', message))
    }
    const answer = readAnswer(body)
    if (answer === undefined) {
      return this.#fail(providerFault('engine_protocol', 'the engine sent no chat completion'))
    }
    this.#usage = answer.usage
    this.#answerBytes = body.length
    this.#deliver([this.#rewrite?.(body) ?? body])
    this.#finish(answer.finishReason)
  }

  #deliver(parts: readonly Buffer[]): void {
    const [first] = parts
    if (first === undefined) return
    this.#options.sink.data(parts.length === 1 ? first : Buffer.concat(parts))
  }

  #finish(reason: string): void {
    if (this.#isOver) return
    this.#over()
    this.#options.sink.finish(reason)
    if (this.#options.request.stream) this.#request.destroy()
  }

  #fail(error: JobError): void {
    if (this.#isOver) return
    this.#over()
    this.#options.sink.fail(error)
  }

  /** The socket broke: harmless when the answer was complete. */
  #broken(error: Error): void {
    if (this.#isOver) return
    if (this.#relay.isComplete) return this.#streamEnded()
    // The engine closed an idle connection just as we took it: nobody has seen the request.
    if (this.#request.reusedSocket && this.#response === undefined) {
      this.#request = this.#send(false)
      return
    }
    if (this.#response === undefined) this.#options.onUnreachable()
    const isCut = this.#response !== undefined
    this.#fail(
      providerFault(isCut ? 'engine_cut' : 'engine_unreachable', `the engine: ${error.message}`),
    )
  }

  #silent(): void {
    if (this.#isPaused) return
    this.#request.destroy(new Error(`silent for ${SILENCE_MS / 1000} s`))
  }

  #over(): void {
    this.#isOver = true
    this.#options.onOver()
  }
}

/** The fields we touch must be what they should be; the rest is the engine's to judge. */
function readBody(bytes: Uint8Array): ChatRequestBody {
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

/** Finish reason and usage of a whole answer, or undefined when it is none. */
function readAnswer(
  body: Buffer,
): { finishReason: string; usage: JobUsage | undefined } | undefined {
  try {
    const { choices, usage } = JSON.parse(body.toString()) as {
      choices?: { finish_reason?: unknown }[]
      usage?: unknown
    }
    const reason = choices?.[0]?.finish_reason
    if (typeof reason !== 'string') return undefined
    const counted = parseUsage(usage)
    if (counted === undefined) return { finishReason: reason, usage: undefined }
    const { prompt_tokens, completion_tokens, prompt_tokens_details: details } = counted
    const cached = details === undefined ? {} : { cached_tokens: details.cached_tokens }
    return { finishReason: reason, usage: { prompt_tokens, completion_tokens, ...cached } }
  } catch {
    return undefined
  }
}
