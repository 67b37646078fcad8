import { JsonWalker, JsonWalkError } from './json-walker.ts'
import type { StreamEndpoint } from './stream-endpoint.ts'

const QUOTE = 34
const DIGIT_ZERO = 48
const OPEN_BRACKET = 91
const BACKSLASH = 92
const LETTER_F = 102
const LETTER_N = 110
const LETTER_U = 117
const OPEN_BRACE = 123

/** What may follow a backslash in a JSON string, `u` aside. */
const SHORT_ESCAPES = new TextEncoder().encode('"\\/bfnrt')

/** Longest finish reason kept; the known ones are shorter. */
const MAX_REASON_BYTES = 32

// Keys that count, as bits: a key that is there twice would be counted twice and read once.
const CHOICES = 1
const DELTA = 2
const TEXT = 4
const REASON = 8
const INDEX = 16
const CONTENT = 32
const REASONING_CONTENT = 64
const REASONING = 128
const REFUSAL = 256
const TOOL_CALLS = 512
const FUNCTION_CALL = 1024
const NAME = 1
const ARGUMENTS = 2

/** A choice that has ended in a chunk. */
export interface FinishedChoice {
  index: number
  reason: string
}

/**
 * Reads from one chunk of a stream what metering needs, straight from the bytes: no string, object
 * or JSON.parse per token. It walks the known path (choices, delta or text, tool calls) and steps
 * over everything else. Keys on that path must be plain and unique, so that what is counted is what
 * a client's parser shows.
 *
 * The result is in the fields, valid until the next `scan`.
 */
export class ChunkScanner {
  /** UTF-8 bytes of text in all choices: content, reasoning, refusal, tool names and arguments. */
  textBytes = 0
  /** Entries of `choices`; the usage chunk has none. */
  choices = 0
  /** The index of the last choice. */
  index = 0
  /** The choices that have a `finish_reason`. */
  finished: readonly FinishedChoice[] = []
  /**
   * Where the raw JSON of the last choice's plain text is (`delta.content`, or `text`), without its
   * quotes: `[start, end)`, the same when there is none.
   */
  contentStart = 0
  contentEnd = 0
  /** A delta says something beside its role and plain text: reasoning, a refusal, a call, sound. */
  otherOutput = false
  /** Where the value of a top-level `usage` is, if it is an object: `[start, end)`, else 0. */
  usageStart = 0
  usageEnd = 0
  /** The same for a top-level `error` that is not null. */
  errorStart = 0
  errorEnd = 0

  readonly #json = new JsonWalker({ strict: true })
  readonly #completions: boolean
  /** Keys seen in the chunk and its current choice, and in the current function. */
  #seen = 0
  #functionSeen = 0
  #reason = ''

  constructor(endpoint: StreamEndpoint = 'chat.completions') {
    this.#completions = endpoint === 'completions'
  }

  /**
   * Scans the JSON object in `bytes[start, end)`.
   *
   * @throws JsonWalkError when the bytes are no JSON object, or one with known keys that are
   *   repeated or escaped, or with text that is no JSON string.
   */
  scan(bytes: Uint8Array, start: number, end: number): void {
    this.textBytes = this.choices = this.index = this.#seen = 0
    this.contentStart = this.contentEnd = 0
    this.usageStart = this.usageEnd = this.errorStart = this.errorEnd = 0
    this.otherOutput = false
    if (this.finished.length > 0) this.finished = []
    this.#json.walk(bytes, start, end, this.#onTop)
  }

  readonly #onTop = (): void => {
    const json = this.#json
    if (this.#json.isKey('choices')) {
      this.#once(CHOICES)
      json.elements(this.#onChoice)
      return
    }
    const usage = json.isKey('usage')
    const error = !usage && json.isKey('error')
    const start = json.pos
    const first = json.bytes[start]
    json.skipValue()
    if (usage && first === OPEN_BRACE) {
      this.usageStart = start
      this.usageEnd = json.pos
    } else if (error && first !== LETTER_N) {
      this.errorStart = start
      this.errorEnd = json.pos
    }
  }

  readonly #onChoice = (): void => {
    this.choices += 1
    this.index = 0
    this.#seen = CHOICES
    this.#reason = ''
    this.#json.members(this.#onChoiceMember)
    if (this.#reason !== '') {
      this.finished = [...this.finished, { index: this.index, reason: this.#reason }]
    }
  }

  readonly #onChoiceMember = (): void => {
    if (!this.#completions && this.#json.isKey('delta')) {
      this.#once(DELTA)
      this.#json.members(this.#onDelta)
    } else if (this.#completions && this.#json.isKey('text')) {
      this.#once(TEXT)
      this.#readContent()
    } else if (this.#json.isKey('finish_reason')) {
      this.#once(REASON)
      this.#readReason()
    } else if (this.#json.isKey('index')) {
      this.#once(INDEX)
      this.#readIndex()
    } else this.#json.skipValue()
  }

  readonly #onDelta = (): void => {
    if (this.#json.isKey('content')) {
      this.#once(CONTENT)
      this.#readContent()
      return
    }
    const start = this.#json.pos
    if (this.#json.isKey('role')) this.#json.skipValue()
    else {
      this.#readOther()
      if (!this.#isNothing(start)) this.otherOutput = true
    }
  }

  #readOther(): void {
    if (this.#json.isKey('reasoning_content')) {
      this.#once(REASONING_CONTENT)
      this.#countText()
    } else if (this.#json.isKey('reasoning')) {
      this.#once(REASONING)
      this.#countText()
    } else if (this.#json.isKey('refusal')) {
      this.#once(REFUSAL)
      this.#countText()
    } else if (this.#json.isKey('tool_calls')) {
      this.#once(TOOL_CALLS)
      this.#json.elements(this.#onToolCall)
    } else if (this.#json.isKey('function_call')) {
      this.#once(FUNCTION_CALL)
      this.#functionSeen = 0
      this.#json.members(this.#onFunction)
    } else this.#json.skipValue()
  }

  readonly #onToolCall = (): void => {
    this.#functionSeen = 0
    this.#json.members(this.#onToolCallMember)
  }

  readonly #onToolCallMember = (): void => {
    if (this.#json.isKey('function')) this.#json.members(this.#onFunction)
    else this.#json.skipValue()
  }

  readonly #onFunction = (): void => {
    const name = this.#json.isKey('name')
    if (!name && !this.#json.isKey('arguments')) return this.#json.skipValue()
    const bit = name ? NAME : ARGUMENTS
    if ((this.#functionSeen & bit) !== 0) throw new JsonWalkError('a key is repeated')
    this.#functionSeen |= bit
    this.#countText()
  }

  #once(bit: number): void {
    if ((this.#seen & bit) !== 0) throw new JsonWalkError('a key is repeated')
    this.#seen |= bit
  }

  #readReason(): void {
    const json = this.#json
    const start = json.pos
    json.skipValue()
    if (json.bytes[start] !== QUOTE) return
    const end = Math.min(json.pos - 1, start + 1 + MAX_REASON_BYTES)
    this.#reason = String.fromCharCode(...json.bytes.subarray(start + 1, end))
  }

  #readIndex(): void {
    const json = this.#json
    const start = json.pos
    json.skipValue()
    let index = 0
    for (let i = start; i < json.pos; i++) index = index * 10 + (json.bytes[i] ?? 0) - DIGIT_ZERO
    this.index = index
  }

  #readContent(): void {
    const json = this.#json
    const start = json.pos
    this.#countText()
    if (json.bytes[start] === QUOTE) {
      this.contentStart = start + 1
      this.contentEnd = json.pos - 1
    } else if (!this.#isNothing(start)) this.otherOutput = true
  }

  #countText(): void {
    const json = this.#json
    const start = json.pos
    json.skipValue()
    if (json.bytes[start] === QUOTE)
      this.textBytes += decodedBytes(json.bytes, start + 1, json.pos - 1)
  }

  /** The value from `start` up to here is null, false, or empty. */
  #isNothing(start: number): boolean {
    const { bytes, pos } = this.#json
    const first = bytes[start]
    if (first === LETTER_N || first === LETTER_F) return true
    return pos - start === 2 && (first === QUOTE || first === OPEN_BRACKET || first === OPEN_BRACE)
  }
}

/**
 * UTF-8 bytes of the string whose raw JSON is `bytes[start, end)`, so that escapes inflate nothing.
 *
 * @throws JsonWalkError for an escape that JSON does not have.
 */
function decodedBytes(bytes: Uint8Array, start: number, end: number): number {
  let length = end - start
  for (let i = start; i < end; i++) {
    if (bytes[i] !== BACKSLASH) continue
    i += 1
    if (bytes[i] === LETTER_U) {
      length -= 6 - encodedBytes(codeUnit(bytes, i + 1, end))
      i += 4
    } else if (SHORT_ESCAPES.includes(bytes[i] ?? 0)) {
      length -= 1
    } else throw new JsonWalkError('an escape is unknown')
  }
  return length
}

/** The four hexadecimal digits at `at`. */
function codeUnit(bytes: Uint8Array, at: number, end: number): number {
  let unit = 0
  for (let i = at; i < at + 4; i++) {
    const digit = i < end ? hexDigit(bytes[i] ?? 0) : -1
    if (digit === -1) throw new JsonWalkError('an escape is unknown')
    unit = unit * 16 + digit
  }
  return unit
}

/** UTF-8 bytes of a UTF-16 code unit; half of a surrogate pair has two. */
function encodedBytes(unit: number): number {
  if (unit < 0x80) return 1
  if (unit < 0x800 || (unit >= 0xd800 && unit < 0xe000)) return 2
  return 3
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const lower = byte | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}
