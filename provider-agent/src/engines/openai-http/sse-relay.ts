import { parseUsage } from '@infernet/openai-compat/usage'
import type { JobUsage } from '@infernet/schemas/wire'

/** One event: a token with 20 alternatives is 2 KB, a whole tool call rarely 64 KB. */
export const MAX_EVENT_BYTES = 1024 * 1024

const LF = 10
const CR = 13
const COLON = 58
const BRACKET = 91

/** The engine's stream is not what it should be. */
export class SseRelayError extends Error {
  override readonly name = 'SseRelayError'
  readonly code: 'event_too_large' | 'not_json' | 'engine_error' | 'not_continued'
  constructor(code: SseRelayError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/**
 * What only events of interest contain. Quotes inside JSON strings are escaped, so that none of it can be part
 * of a model's text.
 */
const NEEDLE = /"(?:finish_reason": ?"|usage": ?\{|error":)/g

export interface SseRelayOptions {
  /** The client asked for the usage chunk. */
  readonly showUsage: boolean
  /** Choices asked for: the answer is complete when all have finished. */
  readonly choices: number
  /** Text that the engine says first although the client has it: a continued answer's beginning. */
  readonly skip?: string
  /** Replaces the engine's model name by the one it is offered under. */
  readonly rewrite?: (bytes: Buffer) => Buffer
  /** Is shown every event with its JSON, and returns what of it goes on, if anything. Not together with `skip`. */
  readonly take?: (event: Buffer, json: object) => Buffer | undefined
}

/**
 * Passes an engine's stream of a chat or a completion on as bytes: events are found by their blank lines and looked
 * into only when they carry a finish reason, usage, or an error. `[DONE]` and the usage chunk (when
 * not asked for) are taken out. The output does not depend on how the input is cut, save for the
 * cuts themselves.
 */
export class SseRelay {
  readonly #options: SseRelayOptions
  #carry: Buffer | undefined
  /** The finish event waits for what follows it, so that it travels with the end of the job. */
  #held: Buffer | undefined
  #hasContent = false
  #skip: string
  #finished = 0
  contentEvents = 0
  /** UTF-8 bytes of text, or more: events that are not looked into count whole. */
  textBytes = 0
  finishReason: string | undefined
  usage: JobUsage | undefined
  /** `[DONE]` has come. */
  isDone = false

  constructor(options: SseRelayOptions) {
    this.#options = options
    this.#skip = options.skip ?? ''
  }

  /** Every choice has its finish reason: nothing that may be missing now is text. */
  get isComplete(): boolean {
    return this.#finished >= this.#options.choices
  }

  /** One read of the engine; returns what goes to the client. Throws {@link SseRelayError}. */
  push(chunk: Buffer): Buffer[] {
    const bytes = this.#carry === undefined ? chunk : Buffer.concat([this.#carry, chunk])
    // A character for each byte: strings are searched faster than buffers.
    const text = bytes.toString('latin1')
    const output: Buffer[] = []
    let next = needleAfter(text, 0)
    let passFrom = 0
    let at = 0
    for (let end = eventEnd(text, at); end !== -1 && !this.isDone; end = eventEnd(text, at)) {
      const isNoted = next < end
      if (isNoted) next = needleAfter(text, end)
      if (!isNoted && this.#isPlain(bytes, at, end)) {
        this.contentEvents++
        this.textBytes += end - at
      } else if (bytes[at] !== COLON) {
        this.#pass(bytes.subarray(passFrom, at), output)
        const event = this.#inspect(bytes.subarray(at, end))
        if (event !== undefined) this.#pass(event, output)
        if (this.isComplete) this.#held ??= output.pop()
        passFrom = end
      }
      at = end
    }
    this.#pass(bytes.subarray(passFrom, at), output)
    this.#carry = at === bytes.length ? undefined : bytes.subarray(at)
    if (bytes.length - at > MAX_EVENT_BYTES) {
      throw new SseRelayError('event_too_large', `an event of over ${MAX_EVENT_BYTES} bytes`)
    }
    return output
  }

  /** What was held back, when the stream is over. */
  flush(): Buffer[] {
    const held = this.#held === undefined ? [] : [this.#held]
    this.#held = undefined
    return held
  }

  #pass(bytes: Buffer, output: Buffer[]): void {
    if (bytes.length === 0) return
    output.push(...this.flush(), this.#options.rewrite?.(bytes) ?? bytes)
  }

  /** A content event that needs no look inside, where it contains no needle. */
  #isPlain(bytes: Buffer, at: number, end: number): boolean {
    return (
      this.#hasContent &&
      this.#skip === '' &&
      this.#options.take === undefined &&
      !isEmpty(bytes, at) &&
      !isDoneEvent(bytes, at, end)
    )
  }

  /** Reads an event's JSON; returns the bytes to pass on, if any. */
  #inspect(event: Buffer): Buffer | undefined {
    const text = dataOf(event)
    if (text === undefined) return event
    if (text === '[DONE]') {
      this.isDone = true
      return undefined
    }
    const chunk = parseChunk(text)
    if (chunk.error !== undefined && chunk.error !== null) {
      throw new SseRelayError('engine_error', messageOf(chunk.error))
    }
    const isCut = this.#skip !== '' && this.#cutBeginning(chunk)
    for (const choice of chunk.choices ?? []) this.#readChoice(choice, event.length)
    const { take, showUsage } = this.#options
    const taken = take === undefined ? event : take(event, chunk)
    const passed = isCut ? eventOf(chunk) : taken
    if (!this.#readUsage(chunk) || showUsage || passed === undefined) return passed
    if (chunk.choices === undefined || chunk.choices.length === 0) return undefined
    // Read again where it has lost more than its usage.
    const { usage: _, ...rest } = passed === event ? chunk : parseChunk(dataOf(passed) ?? '')
    return eventOf(rest)
  }

  /** Whether there is any. */
  #readUsage(chunk: Chunk): boolean {
    const usage = parseUsage(chunk.usage)
    if (usage === undefined) return false
    const cached = usage.prompt_tokens_details?.cached_tokens
    this.usage = {
      prompt_tokens: usage.prompt_tokens,
      completion_tokens: usage.completion_tokens,
      ...(cached === undefined ? {} : { cached_tokens: cached }),
    }
    return true
  }

  /** Takes the known beginning out of the first texts; true when that changed the chunk. */
  #cutBeginning(chunk: Chunk): boolean {
    const choice = chunk.choices?.[0]
    const text = choice?.delta?.['content']
    if (typeof text === 'string' && text !== '') {
      const length = Math.min(text.length, this.#skip.length)
      if (text.slice(0, length) !== this.#skip.slice(0, length)) throw notContinued()
      this.#skip = this.#skip.slice(length)
      chunk.choices?.splice(0, 1, {
        ...choice,
        delta: { ...choice?.delta, content: text.slice(length) },
      })
      return true
    }
    if (typeof choice?.finish_reason === 'string') throw notContinued()
    return false
  }

  #readChoice({ delta, text, finish_reason: reason }: Choice, eventBytes: number): void {
    const texts = Object.entries(delta ?? { text }).flatMap(([key, value]) =>
      key === 'role' || value === undefined || value === null || value === '' ? [] : [value],
    )
    if (texts.length > 0) this.contentEvents++
    // What is no string may hold as much text as there is.
    for (const value of texts)
      this.textBytes += typeof value === 'string' ? Buffer.byteLength(value) : eventBytes
    this.#hasContent = true
    if (typeof reason !== 'string') return
    this.#finished++
    this.finishReason ??= reason
  }
}

interface Choice {
  readonly delta?: Record<string, unknown> | null
  /** Of a completion, instead of a delta. */
  readonly text?: unknown
  readonly finish_reason?: unknown
}

interface Chunk {
  readonly choices?: Choice[]
  readonly usage?: unknown
  readonly error?: unknown
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

function parseChunk(text: string): Chunk {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new SseRelayError('not_json', 'an event of the stream is not JSON')
  }
  if (!isObject(value)) {
    throw new SseRelayError('not_json', 'an event of the stream is not an object')
  }
  const { choices } = value as { choices?: unknown }
  if (choices !== undefined && !(Array.isArray(choices) && choices.every(isObject))) {
    throw new SseRelayError('not_json', "an event's choices are not a list of objects")
  }
  return value
}

const eventOf = (chunk: object): Buffer => Buffer.from(`data: ${written(chunk)}\n\n`)

/** What JSON.parse reads, however deep, JSON.stringify may not be able to write. */
function written(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch {
    throw new SseRelayError('not_json', 'an event of the stream is nested too deep')
  }
}

const notContinued = (): SseRelayError =>
  new SseRelayError('not_continued', 'the answer does not begin with what it was to go on from')

/** The message of an error in any of the shapes engines use. */
function messageOf(error: unknown): string {
  if (typeof error === 'string') return error
  const message = (error as { message?: unknown }).message
  return typeof message === 'string' ? message : written(error)
}

/** Where the next needle begins, at `from` or later. */
function needleAfter(text: string, from: number): number {
  NEEDLE.lastIndex = from
  return NEEDLE.exec(text)?.index ?? Number.POSITIVE_INFINITY
}

/** Index behind the blank line that ends the event at `from`, or -1 when it has not come yet. */
function eventEnd(text: string, from: number): number {
  if (text.startsWith('\n', from)) return from + 1
  if (text.startsWith('\r\n', from)) return from + 2
  for (let at = text.indexOf('\n', from); at !== -1; at = text.indexOf('\n', at + 1)) {
    if (text.startsWith('\n', at + 1)) return at + 2
    if (text.startsWith('\r\n', at + 1)) return at + 3
  }
  return -1
}

/** A comment, or a blank line of its own. */
const isEmpty = (bytes: Buffer, at: number): boolean =>
  bytes[at] === COLON || bytes[at] === LF || bytes[at] === CR

/** `data:[` or `data: [`: JSON chunks begin with a brace. What is behind `end` may not be here yet. */
const isDoneEvent = (bytes: Buffer, at: number, end: number): boolean =>
  (at + 5 < end && bytes[at + 5] === BRACKET) || (at + 6 < end && bytes[at + 6] === BRACKET)

/** The data lines of an event, or undefined when it has none. */
function dataOf(event: Buffer): string | undefined {
  const lines = event
    .toString('utf8')
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data:'))
  if (lines.length === 0) return undefined
  return lines.map((line) => line.slice(5).trimStart()).join('\n')
}
