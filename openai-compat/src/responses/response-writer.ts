import { MAX_ANSWER_BYTES } from '@infernet/schemas/limits'
import type { ApiError } from '../api-error.ts'
import type { TokenLogprob } from '../chat-types.ts'
import { CallItems } from './call-items.ts'
import { ResponseFaultError } from './response-fault.ts'
import { itemId } from './response-ids.ts'
import { type LastWord, type ResponseHead, responseObject } from './response-object.ts'
import { namespacedNames } from './shown-tools.ts'
import type {
  OutputItem,
  OutputLogprob,
  OutputMessage,
  OutputReasoning,
  OutputRefusal,
  OutputText,
  ResponseObject,
} from './response-types.ts'

/** What one item weighs beside its text, so that a stream of tiny items is bounded too. */
const ITEM_CHARS = 1024
/** What the log probabilities of one token weigh, with some alternatives. */
const LOGPROB_CHARS = 512

/** An event of the stream, without its number. */
export interface ResponseEvent {
  readonly type: string
  readonly [field: string]: unknown
}

/** A piece of a tool call: the first has id and name, but engines differ. */
export interface CallPiece {
  readonly index: number
  readonly id?: string | undefined
  readonly name?: string | undefined
  readonly arguments?: string | undefined
}

type Open =
  | { kind: 'reasoning'; at: number; item: OutputReasoning; part: { text: string } }
  | { kind: 'text'; at: number; item: OutputMessage; part: OutputText }
  | { kind: 'refusal'; at: number; item: OutputMessage; part: OutputRefusal }

/**
 * Writes one response: takes what the model says piece by piece, tells it as events, and knows the
 * response so far. One item is written at a time, except for calls: engines may write several side by
 * side, so that all of them stay open until the answer is over.
 */
export class ResponseWriter {
  readonly #head: ResponseHead
  readonly #emit: (event: ResponseEvent) => void
  readonly #output: OutputItem[] = []
  readonly #calls: CallItems
  #open: Open | undefined
  #chars = 0
  #finish: string | undefined

  constructor(head: ResponseHead, emit: (event: ResponseEvent) => void) {
    this.#head = head
    this.#emit = emit
    this.#calls = new CallItems(head.id, namespacedNames(head.settings.tools), {
      add: (item) => this.#add(item),
      emit,
    })
  }

  /** The model has said why it stopped. */
  get finished(): boolean {
    return this.#finish !== undefined
  }

  begin(): void {
    const response = responseObject(this.#head, { status: 'in_progress' }, [])
    this.#emit({ type: 'response.created', response })
    this.#emit({ type: 'response.in_progress', response })
  }

  reasoning(text: string): void {
    if (text === '') return
    this.#weigh(text)
    const open = this.#open?.kind === 'reasoning' ? this.#open : this.#openReasoning()
    open.part.text += text
    this.#tell(open, 'response.reasoning_text.delta', { delta: text })
  }

  text(text: string, tokens: readonly TokenLogprob[] = []): void {
    if (text === '' && tokens.length === 0) return
    this.#weigh(text)
    const open = this.#open?.kind === 'text' ? this.#open : this.#openText()
    const logprobs = this.#head.logprobs ? tokens.map(outputLogprob) : []
    this.#chars += logprobs.length * LOGPROB_CHARS
    open.part.text += text
    open.part.logprobs.push(...logprobs)
    this.#tell(open, 'response.output_text.delta', { delta: text, logprobs })
  }

  refusal(text: string): void {
    if (text === '') return
    this.#weigh(text)
    const open = this.#open?.kind === 'refusal' ? this.#open : this.#openRefusal()
    open.part.refusal += text
    this.#tell(open, 'response.refusal.delta', { delta: text })
  }

  call(piece: CallPiece): void {
    this.#weigh(piece.arguments ?? '')
    this.#closeOpen('completed')
    this.#calls.add(piece)
  }

  /** The model has stopped: closes what is open. `reason` is chat's. */
  finish(reason: string): void {
    if (this.finished) return
    // An answer of no words is an answer.
    if (this.#output.length === 0 && this.#calls.empty) this.#openText()
    this.#finish = reason
    const status = incompleteReason(reason) === undefined ? 'completed' : 'incomplete'
    this.#closeOpen(status)
    if (!this.#calls.close(status)) throw new ResponseFaultError('unnamed_call')
  }

  /** Ends it well, after `finish`. Returns the response that is told last. */
  complete(last: LastWord, now: number): ResponseObject {
    const reason = incompleteReason(this.#finish ?? 'stop')
    const response = responseObject(
      this.#head,
      reason === undefined
        ? { status: 'completed', at: now, ...last }
        : { status: 'incomplete', reason, ...last },
      this.#output,
    )
    this.#emit({ type: `response.${response.status}`, response })
    return response
  }

  /** Ends it with an error, wherever it is. What was said until then stays in the response. */
  fail({ code, type, param, message }: ApiError): ResponseObject {
    for (const item of this.#output) {
      if (item.status === 'in_progress') item.status = 'incomplete'
    }
    this.#emit({ type: 'error', code: code ?? type, message, param })
    const known = type === 'rate_limit_error' ? 'rate_limit_exceeded' : 'server_error'
    const state = { status: 'failed', code: known, message } as const
    const response = responseObject(this.#head, state, this.#output)
    this.#emit({ type: 'response.failed', response })
    return response
  }

  #weigh(text: string): void {
    this.#chars += text.length
    if (this.#chars > MAX_ANSWER_BYTES) throw new ResponseFaultError('response_too_large')
  }

  /** Begins an item; what is told later goes into the same object. Returns its place. */
  #add(item: OutputItem): number {
    this.#chars += ITEM_CHARS
    this.#weigh('')
    const at = this.#output.push(item) - 1
    this.#emit({
      type: 'response.output_item.added',
      output_index: at,
      item: structuredClone(item),
    })
    return at
  }

  #newId(type: OutputItem['type']): string {
    return itemId(this.#head.id, type, String(this.#output.length))
  }

  #openReasoning(): Open & { kind: 'reasoning' } {
    this.#closeOpen('completed')
    const item: OutputReasoning = {
      id: this.#newId('reasoning'),
      type: 'reasoning',
      status: 'in_progress',
      summary: [],
      content: [],
    }
    const at = this.#add(item)
    const part = { type: 'reasoning_text' as const, text: '' }
    item.content.push(part)
    return this.#opened({ kind: 'reasoning', at, item, part })
  }

  /** The message that is being written, or a new one. */
  #message(): { at: number; item: OutputMessage } {
    const open = this.#open
    if (open !== undefined && open.kind !== 'reasoning') {
      this.#closePart(open)
      return open
    }
    this.#closeOpen('completed')
    const item: OutputMessage = {
      id: this.#newId('message'),
      type: 'message',
      status: 'in_progress',
      role: 'assistant',
      content: [],
    }
    return { at: this.#add(item), item }
  }

  #openText(): Open & { kind: 'text' } {
    const { at, item } = this.#message()
    const part: OutputText = { type: 'output_text', text: '', annotations: [], logprobs: [] }
    item.content.push(part)
    return this.#opened({ kind: 'text', at, item, part })
  }

  #openRefusal(): Open & { kind: 'refusal' } {
    const { at, item } = this.#message()
    const part: OutputRefusal = { type: 'refusal', refusal: '' }
    item.content.push(part)
    return this.#opened({ kind: 'refusal', at, item, part })
  }

  #opened<T extends Open>(open: T): T {
    this.#open = open
    this.#tell(open, 'response.content_part.added', { part: structuredClone(open.part) })
    return open
  }

  #tell(open: Open, type: string, fields: Readonly<Record<string, unknown>>): void {
    const { at, item } = open
    const content_index = item.content.length - 1
    this.#emit({ type, item_id: item.id, output_index: at, content_index, ...fields })
  }

  #closePart(open: Open): void {
    if (open.kind === 'refusal') {
      this.#tell(open, 'response.refusal.done', { refusal: open.part.refusal })
    } else if (open.kind === 'reasoning') {
      this.#tell(open, 'response.reasoning_text.done', { text: open.part.text })
    } else {
      const { text, logprobs } = open.part
      this.#tell(open, 'response.output_text.done', { text, logprobs })
    }
    this.#tell(open, 'response.content_part.done', { part: open.part })
  }

  #closeOpen(status: 'completed' | 'incomplete'): void {
    const open = this.#open
    if (open === undefined) return
    this.#closePart(open)
    this.#open = undefined
    const { at, item } = open
    item.status = status
    this.#emit({ type: 'response.output_item.done', output_index: at, item })
  }
}

function incompleteReason(finish: string): 'max_output_tokens' | 'content_filter' | undefined {
  if (finish === 'length') return 'max_output_tokens'
  return finish === 'content_filter' ? 'content_filter' : undefined
}

const utf8 = new TextEncoder()

/** This API always has bytes. */
const withBytes = <T extends { token: string; bytes: number[] | null }>(token: T): number[] =>
  token.bytes ?? [...utf8.encode(token.token)]

function outputLogprob(token: TokenLogprob): OutputLogprob {
  return {
    token: token.token,
    logprob: token.logprob,
    bytes: withBytes(token),
    top_logprobs: token.top_logprobs.map((top) => ({
      token: top.token,
      logprob: top.logprob,
      bytes: withBytes(top),
    })),
  }
}
