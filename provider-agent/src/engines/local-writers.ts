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
import { makeUsage } from '@infernet/openai-compat/usage'
import type { EngineRequest } from './engine.ts'

/** Turns output into the bytes of one answer. */
export interface AnswerWriter {
  text(text: string, logprobs: TokenLogprob[]): Uint8Array | undefined
  call(call: ToolCall, index: number): Uint8Array | undefined
  /** `usage` is undefined when the client must not see it. */
  end(reason: FinishReason, usage: Usage | undefined): Uint8Array
}

/** The writer of an answer in the form that was asked for; `now` in ms since the epoch. */
export function answerWriter(request: EngineRequest, now: number): AnswerWriter {
  const isChat = request.endpoint === 'chat.completions'
  const head: ChunkHead = {
    id: `${isChat ? 'chatcmpl' : 'cmpl'}-${randomUUID().replaceAll('-', '')}`,
    created: Math.floor(now / 1000),
    model: request.model,
  }
  if (request.stream) return isChat ? new ChatStream(head) : new CompletionStream(head)
  return isChat ? new ChatDocument(head) : new CompletionDocument(head)
}

/** Server-sent events, one per piece of text. */
class ChatStream implements AnswerWriter {
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
class ChatDocument implements AnswerWriter {
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

/** Scores as the older endpoint writes them: columns instead of rows. */
class LegacyLogprobs {
  #offset = 0

  /** Offsets count characters of the answer, from where the last call ended. */
  of(scores: readonly TokenLogprob[], textLength: number): object | null {
    const start = this.#offset
    this.#offset += textLength
    if (scores.length === 0) return null
    let offset = start
    return {
      tokens: scores.map(({ token }) => token),
      token_logprobs: scores.map(({ logprob }) => logprob),
      top_logprobs: scores.map(({ top_logprobs: top }) =>
        Object.fromEntries(top.map(({ token, logprob }) => [token, logprob])),
      ),
      text_offset: scores.map(({ token }) => {
        const at = offset
        offset += token.length
        return at
      }),
    }
  }
}

const textCompletion = (
  { id, created, model }: ChunkHead,
  choice: { text: string; logprobs: object | null; finish_reason: FinishReason | null },
  usage?: Usage,
) => ({
  id,
  object: 'text_completion',
  created,
  model,
  choices: [{ index: 0, ...choice }],
  ...(usage === undefined ? {} : { usage }),
})

/** No answer to a completion has calls: there are no tools. */
abstract class CompletionWriter implements AnswerWriter {
  protected readonly head: ChunkHead
  protected readonly logprobs = new LegacyLogprobs()

  constructor(head: ChunkHead) {
    this.head = head
  }

  abstract text(text: string, logprobs: TokenLogprob[]): Uint8Array | undefined
  abstract end(reason: FinishReason, usage: Usage | undefined): Uint8Array

  call(): undefined {}
}

class CompletionStream extends CompletionWriter {
  readonly #before: string
  readonly #after: string
  readonly #encoder = new TextEncoder()

  /** Everything but the text is serialised once. */
  constructor(head: ChunkHead) {
    super(head)
    const chunk = textCompletion(head, { text: '', logprobs: null, finish_reason: null })
    const [before = '', after = ''] = JSON.stringify(chunk).split('"text":""')
    this.#before = `data: ${before}"text":`
    this.#after = `${after}\n\n`
  }

  text(text: string, scores: TokenLogprob[]): Uint8Array {
    if (scores.length === 0) {
      return this.#encoder.encode(this.#before + JSON.stringify(text) + this.#after)
    }
    const logprobs = this.logprobs.of(scores, text.length)
    return encodeData(textCompletion(this.head, { text, logprobs, finish_reason: null }))
  }

  end(reason: FinishReason, usage: Usage | undefined): Uint8Array {
    const choice = { text: '', logprobs: null, finish_reason: reason }
    const finish = encodeData(textCompletion(this.head, choice))
    return usage === undefined
      ? finish
      : Buffer.concat([finish, encodeData(usageChunk(this.head, usage, 'completions'))])
  }
}

class CompletionDocument extends CompletionWriter {
  readonly #scores: TokenLogprob[] = []
  #text = ''

  text(text: string, scores: TokenLogprob[]): undefined {
    this.#text += text
    this.#scores.push(...scores)
  }

  end(reason: FinishReason, usage: Usage | undefined): Uint8Array {
    const logprobs = this.logprobs.of(this.#scores, this.#text.length)
    const choice = { text: this.#text, logprobs, finish_reason: reason }
    return Buffer.from(JSON.stringify(textCompletion(this.head, choice, usage ?? makeUsage(0, 0))))
  }
}
