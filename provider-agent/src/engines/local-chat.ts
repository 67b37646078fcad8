import { randomUUID } from 'node:crypto'
import {
  chatCompletion,
  completionChoice,
  contentChunk,
  contentEventWriter,
  finishChunk,
  roleChunk,
  toolCallChunk,
  usageChunk,
} from '@infernet/openai-compat/chat-chunk'
import type {
  ChunkHead,
  FinishReason,
  TokenLogprob,
  ToolCall,
  Usage,
} from '@infernet/openai-compat/chat-types'
import { encodeData } from '@infernet/openai-compat/sse-encoder'
import { StopMatcher } from '@infernet/openai-compat/stop-sequences'
import { ToolCallParser, type ToolCallOutput } from '@infernet/openai-compat/tool-call-parser'
import { makeUsage } from '@infernet/openai-compat/usage'
import type { EngineRequest, EngineRun, EngineSink, EngineUsage } from './engine.ts'
import { readLocalRequest, type LocalModel, type LocalRequest } from './local-request.ts'
import type { TokenPiece, TokenRun, TokenSink, TokenSource } from './token-source.ts'

/** What a local answer depends on besides the request. */
export interface LocalChatClock {
  /** ms since the epoch. */
  readonly now: () => number
  /** In [0, 1). */
  readonly random: () => number
}

/**
 * Answers a chat request from a source of tokens: OpenAI's wire format is made here, once for all
 * local engines. Throws `JobFault` for what is refused at sight.
 */
export function beginLocalChat(
  source: TokenSource,
  model: LocalModel,
  request: EngineRequest,
  sink: EngineSink,
  clock: LocalChatClock,
): EngineRun {
  const local = readLocalRequest(request, model, clock.random)
  const head: ChunkHead = {
    id: `chatcmpl-${randomUUID().replaceAll('-', '')}`,
    created: Math.floor(clock.now() / 1000),
    model: request.model,
  }
  const chat = new LocalChat(local, request.stream ? new StreamWriter(head) : new Collector(head))
  return chat.start(source, sink, request.include_usage || !request.stream)
}

/** Turns output into the bytes of one answer. */
interface AnswerWriter {
  text(text: string, logprobs: TokenLogprob[]): Uint8Array | undefined
  call(call: ToolCall, index: number): Uint8Array | undefined
  /** `usage` is undefined when the client must not see it. */
  end(reason: FinishReason, usage: Usage | undefined): Uint8Array
}

/** One answer: tokens in; stop sequences, tool calls and limits applied; bytes out. */
class LocalChat implements TokenSink {
  readonly #request: LocalRequest
  readonly #writer: AnswerWriter
  readonly #stops: StopMatcher
  readonly #tools: ToolCallParser | undefined
  #sink: EngineSink | undefined
  #run: TokenRun | undefined
  #showUsage = false
  #promptTokens = 0
  #cachedTokens = 0
  #completionTokens = 0
  /** Scores of tokens whose text is still held back. */
  #scores: TokenLogprob[] = []

  constructor(request: LocalRequest, writer: AnswerWriter) {
    this.#request = request
    this.#writer = writer
    this.#stops = new StopMatcher(request.stops)
    this.#tools = request.parseTools ? new ToolCallParser(newCallId) : undefined
    this.#tools?.push(request.prefill)
  }

  start(source: TokenSource, sink: EngineSink, showUsage: boolean): EngineRun {
    this.#sink = sink
    this.#showUsage = showUsage
    const run = source.generate(this.#request.generate, this)
    this.#run = run
    return {
      pause: () => run.pause(),
      resume: () => run.resume(),
      abort: () => {
        this.#sink = undefined
        run.abort()
      },
      usage: () => this.#usage(),
    }
  }

  prompt(tokens: number, cachedTokens: number): void {
    this.#promptTokens = tokens
    this.#cachedTokens = cachedTokens
  }

  pieces(pieces: readonly TokenPiece[]): void {
    const bytes: Uint8Array[] = []
    for (const piece of pieces) {
      this.#completionTokens++
      if (piece.score !== undefined) this.#scores.push(toLogprob(piece.score))
      const { text, stop } = this.#stops.push(piece.text)
      this.#put(text, bytes)
      if (stop !== undefined) {
        this.#run?.abort()
        return this.#finish('stop', bytes)
      }
    }
    this.#deliver(bytes)
  }

  end(reason: 'stop' | 'length'): void {
    const bytes: Uint8Array[] = []
    this.#put(this.#stops.flush(), bytes)
    this.#finish(reason, bytes)
  }

  fail(error: Parameters<EngineSink['fail']>[0]): void {
    this.#sink?.fail(error)
  }

  #finish(reason: 'stop' | 'length', bytes: Uint8Array[]): void {
    if (this.#tools !== undefined) this.#write(this.#tools.flush(), bytes)
    const hasCalls = this.#tools !== undefined && this.#tools.calls > 0
    const finishReason = hasCalls && reason === 'stop' ? 'tool_calls' : reason
    bytes.push(this.#writer.end(finishReason, this.#showUsage ? this.#openAiUsage() : undefined))
    this.#deliver(bytes)
    this.#sink?.finish(finishReason)
    this.#sink = undefined
  }

  #put(text: string, bytes: Uint8Array[]): void {
    if (text === '') return
    this.#write(this.#tools?.push(text) ?? [{ type: 'text', text }], bytes)
  }

  #write(outputs: readonly ToolCallOutput[], bytes: Uint8Array[]): void {
    for (const output of outputs) {
      const piece =
        output.type === 'text'
          ? this.#writer.text(output.text, this.#scores.splice(0))
          : this.#writer.call(output.call, output.index)
      if (piece !== undefined) bytes.push(piece)
    }
  }

  #deliver(bytes: readonly Uint8Array[]): void {
    const [first] = bytes
    if (first === undefined) return
    this.#sink?.data(bytes.length === 1 ? first : Buffer.concat(bytes))
  }

  #usage(): EngineUsage {
    return {
      prompt_tokens: this.#promptTokens,
      completion_tokens: this.#completionTokens,
      ...(this.#cachedTokens > 0 ? { cached_tokens: this.#cachedTokens } : {}),
    }
  }

  #openAiUsage(): Usage {
    const usage = makeUsage(this.#promptTokens, this.#completionTokens)
    if (this.#cachedTokens === 0) return usage
    return { ...usage, prompt_tokens_details: { cached_tokens: this.#cachedTokens } }
  }
}

/** Server-sent events, one per piece of text. */
class StreamWriter implements AnswerWriter {
  readonly #head: ChunkHead
  readonly #writeText: (text: string) => Uint8Array
  #hasBegun = false

  constructor(head: ChunkHead) {
    this.#head = head
    this.#writeText = contentEventWriter(head)
  }

  text(text: string, logprobs: TokenLogprob[]): Uint8Array {
    if (logprobs.length === 0) return this.#event(this.#writeText(text))
    const chunk = contentChunk(this.#head, text, 0, { content: logprobs, refusal: null })
    return this.#event(encodeData(chunk))
  }

  call(call: ToolCall, index: number): Uint8Array {
    return this.#event(encodeData(toolCallChunk(this.#head, call, index)))
  }

  end(reason: FinishReason, usage: Usage | undefined): Uint8Array {
    const finish = this.#event(encodeData(finishChunk(this.#head, reason)))
    return usage === undefined
      ? finish
      : Buffer.concat([finish, encodeData(usageChunk(this.#head, usage))])
  }

  /** The first event has the role chunk before it. */
  #event(bytes: Uint8Array): Uint8Array {
    if (this.#hasBegun) return bytes
    this.#hasBegun = true
    return Buffer.concat([encodeData(roleChunk(this.#head)), bytes])
  }
}

/** One JSON document at the end. */
class Collector implements AnswerWriter {
  readonly #head: ChunkHead
  readonly #calls: ToolCall[] = []
  readonly #logprobs: TokenLogprob[] = []
  #text = ''

  constructor(head: ChunkHead) {
    this.#head = head
  }

  text(text: string, logprobs: TokenLogprob[]): undefined {
    this.#text += text
    this.#logprobs.push(...logprobs)
  }

  call(call: ToolCall): undefined {
    this.#calls.push(call)
  }

  end(reason: FinishReason, usage: Usage | undefined): Uint8Array {
    const logprobs = this.#logprobs.length === 0 ? null : { content: this.#logprobs, refusal: null }
    const choice = completionChoice(this.#text, reason, { toolCalls: this.#calls, logprobs })
    return Buffer.from(
      JSON.stringify(chatCompletion(this.#head, [choice], usage ?? makeUsage(0, 0))),
    )
  }
}

const newCallId = (): string => `call_${randomUUID().replaceAll('-', '')}`

const decoder = new TextDecoder()

type Score = NonNullable<TokenPiece['score']>

const toLogprob = ({ id, bytes, logprob, top }: Score): TokenLogprob => ({
  token: decoder.decode(bytes),
  logprob,
  bytes: [...bytes],
  id,
  top_logprobs: top.map((other) => ({
    token: decoder.decode(other.bytes),
    logprob: other.logprob,
    bytes: [...other.bytes],
  })),
})
