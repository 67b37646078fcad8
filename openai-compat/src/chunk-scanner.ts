/** The bytes are not JSON as far as the scanner can tell. */
export class ChunkScanError extends Error {
  override readonly name = 'ChunkScanError'
  readonly code = 'malformed_chunk'
}

const QUOTE = 34
const COMMA = 44
const DIGIT_ZERO = 48
const COLON = 58
const OPEN_BRACKET = 91
const BACKSLASH = 92
const CLOSE_BRACKET = 93
const LETTER_N = 110
const LETTER_U = 117
const OPEN_BRACE = 123
const CLOSE_BRACE = 125
const SPACE = 32
const FIRST_PRINTABLE = 32

/** Longest finish reason kept; the known ones are shorter. */
const MAX_REASON_BYTES = 32

/** A choice that has ended in a chunk. */
export interface FinishedChoice {
  index: number
  reason: string
}

/**
 * Reads from one chunk of a chat completion stream what metering needs, straight from the bytes:
 * no string, object or JSON.parse per token. It walks the known path (choices, delta, tool calls)
 * and steps over everything else, however deep, without recursion. It checks as much structure as
 * it needs to stay in step and is no full JSON validator.
 *
 * The result is in the fields, valid until the next `scan`.
 */
export class ChunkScanner {
  /** UTF-8 bytes of text in all deltas: content, reasoning, refusal, tool names and arguments. */
  textBytes = 0
  /** Entries of `choices`; the usage chunk has none. */
  choices = 0
  /** The choices that have a `finish_reason`. */
  finished: readonly FinishedChoice[] = []
  /** Where the value of a top-level `usage` is, if it is an object: `[start, end)`, else 0. */
  usageStart = 0
  usageEnd = 0
  /** The same for a top-level `error` that is not null. */
  errorStart = 0
  errorEnd = 0

  #bytes: Uint8Array = new Uint8Array(0)
  #pos = 0
  #end = 0
  #keyStart = 0
  #keyEnd = 0
  #index = 0
  #reason = ''

  /**
   * Scans the JSON object in `bytes[start, end)`.
   *
   * @throws ChunkScanError when the bytes are no JSON object.
   */
  scan(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes
    this.#pos = start
    this.#end = end
    this.textBytes = this.choices = 0
    this.usageStart = this.usageEnd = this.errorStart = this.errorEnd = 0
    if (this.finished.length > 0) this.finished = []
    if (this.#peek() !== OPEN_BRACE) throw new ChunkScanError('not an object')
    this.#members(this.#onTop)
    this.#peek()
    if (this.#pos !== end) throw new ChunkScanError('data after the object')
  }

  readonly #onTop = (): void => {
    if (this.#isKey('choices')) {
      this.#elements(this.#onChoice)
      return
    }
    const usage = this.#isKey('usage')
    const error = !usage && this.#isKey('error')
    const start = this.#pos
    const first = this.#bytes[start]
    this.#skipValue()
    if (usage && first === OPEN_BRACE) {
      this.usageStart = start
      this.usageEnd = this.#pos
    } else if (error && first !== LETTER_N) {
      this.errorStart = start
      this.errorEnd = this.#pos
    }
  }

  readonly #onChoice = (): void => {
    this.choices += 1
    this.#index = 0
    this.#reason = ''
    this.#members(this.#onChoiceMember)
    if (this.#reason !== '') {
      this.finished = [...this.finished, { index: this.#index, reason: this.#reason }]
    }
  }

  readonly #onChoiceMember = (): void => {
    if (this.#isKey('delta')) this.#members(this.#onDelta)
    else if (this.#isKey('finish_reason')) this.#readReason()
    else if (this.#isKey('index')) this.#readIndex()
    else this.#skipValue()
  }

  readonly #onDelta = (): void => {
    const text =
      this.#isKey('content') ||
      this.#isKey('reasoning_content') ||
      this.#isKey('reasoning') ||
      this.#isKey('refusal')
    if (text) this.#countText()
    else if (this.#isKey('tool_calls')) this.#elements(this.#onToolCall)
    else if (this.#isKey('function_call')) this.#members(this.#onFunction)
    else this.#skipValue()
  }

  readonly #onToolCall = (): void => {
    this.#members(this.#onToolCallMember)
  }

  readonly #onToolCallMember = (): void => {
    if (this.#isKey('function')) this.#members(this.#onFunction)
    else this.#skipValue()
  }

  readonly #onFunction = (): void => {
    if (this.#isKey('name') || this.#isKey('arguments')) this.#countText()
    else this.#skipValue()
  }

  /** Walks an object, calling `member` at each value; steps over any other kind of value. */
  #members(member: () => void): void {
    if (this.#peek() !== OPEN_BRACE) {
      this.#skipValue()
      return
    }
    this.#pos += 1
    if (this.#peek() === CLOSE_BRACE) {
      this.#pos += 1
      return
    }
    do {
      if (this.#peek() !== QUOTE) throw new ChunkScanError('a key is missing')
      this.#keyStart = this.#pos + 1
      this.#skipString()
      this.#keyEnd = this.#pos - 1
      if (this.#peek() !== COLON) throw new ChunkScanError('a colon is missing')
      this.#pos += 1
      this.#peek()
      member()
    } while (this.#more(CLOSE_BRACE))
  }

  /** Walks an array, calling `element` at each value; steps over any other kind of value. */
  #elements(element: () => void): void {
    if (this.#peek() !== OPEN_BRACKET) {
      this.#skipValue()
      return
    }
    this.#pos += 1
    if (this.#peek() === CLOSE_BRACKET) {
      this.#pos += 1
      return
    }
    do {
      this.#peek()
      element()
    } while (this.#more(CLOSE_BRACKET))
  }

  /** Steps over a comma (true) or the closing bracket (false). */
  #more(close: number): boolean {
    const byte = this.#peek()
    this.#pos += 1
    if (byte === COMMA) return true
    if (byte === close) return false
    throw new ChunkScanError('a comma is missing')
  }

  /** True if the current key is `name`. An escaped key is none of ours. */
  #isKey(name: string): boolean {
    if (this.#keyEnd - this.#keyStart !== name.length) return false
    for (let i = 0; i < name.length; i++) {
      if (this.#bytes[this.#keyStart + i] !== name.charCodeAt(i)) return false
    }
    return true
  }

  #readReason(): void {
    const start = this.#pos
    this.#skipValue()
    if (this.#bytes[start] !== QUOTE) return
    const end = Math.min(this.#pos - 1, start + 1 + MAX_REASON_BYTES)
    this.#reason = String.fromCharCode(...this.#bytes.subarray(start + 1, end))
  }

  #readIndex(): void {
    const start = this.#pos
    this.#skipValue()
    let index = 0
    for (let i = start; i < this.#pos; i++) index = index * 10 + (this.#bytes[i] ?? 0) - DIGIT_ZERO
    this.#index = index
  }

  #countText(): void {
    const start = this.#pos
    this.#skipValue()
    if (this.#bytes[start] === QUOTE) this.textBytes += this.#decodedBytes(start + 1, this.#pos - 1)
  }

  /** UTF-8 bytes of the string whose raw JSON is `[start, end)`, so that escapes inflate nothing. */
  #decodedBytes(start: number, end: number): number {
    let length = end - start
    for (let i = start; i < end; i++) {
      if (this.#bytes[i] !== BACKSLASH) continue
      i += 1
      if (this.#bytes[i] === LETTER_U) {
        length -= 6 - this.#escapedBytes(i + 1)
        i += 4
      } else {
        length -= 1
      }
    }
    return length
  }

  /** UTF-8 bytes of the `\uXXXX` whose digits start at `at`; half of a surrogate pair has two. */
  #escapedBytes(at: number): number {
    const digits = this.#bytes.subarray(at, at + 4)
    const unit = Number.parseInt(String.fromCharCode(...digits), 16)
    if (unit < 0x80) return 1
    if (unit < 0x800 || (unit >= 0xd800 && unit < 0xe000)) return 2
    return 3
  }

  /** Steps over whitespace and returns the byte there. */
  #peek(): number {
    // Other whitespace cannot occur: the data of an event is one line, and nobody writes tabs.
    let byte = this.#bytes[this.#pos]
    while (byte === SPACE) byte = this.#bytes[++this.#pos]
    return this.#pos < this.#end ? (byte ?? 0) : 0
  }

  #skipString(): void {
    const bytes = this.#bytes
    const end = this.#end
    for (let i = this.#pos + 1; i < end; i++) {
      const byte = bytes[i] ?? 0
      if (byte === QUOTE) {
        this.#pos = i + 1
        return
      }
      if (byte === BACKSLASH) i += 1
      else if (byte < FIRST_PRINTABLE) break
    }
    throw new ChunkScanError('a string has no end')
  }

  /** Steps over any value. Brackets are only counted, not matched. */
  #skipValue(): void {
    let depth = 0
    do {
      const byte = this.#peek()
      if (byte === QUOTE) {
        this.#skipString()
        continue
      }
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1
      else if (byte !== COMMA && byte !== COLON) {
        this.#skipLiteral()
        continue
      } else if (depth === 0) throw new ChunkScanError('a value is missing')
      if (depth < 0) throw new ChunkScanError('a value is missing')
      this.#pos += 1
    } while (depth > 0)
  }

  /** Steps over a number, `true`, `false` or `null`. */
  #skipLiteral(): void {
    const start = this.#pos
    while (this.#pos < this.#end && isLiteralByte(this.#bytes[this.#pos] ?? 0)) this.#pos += 1
    if (this.#pos === start) throw new ChunkScanError('a value is missing')
  }
}

/** Digits, letters, sign and point: what numbers and the three words are made of. */
function isLiteralByte(byte: number): boolean {
  return (
    (byte >= 48 && byte <= 57) ||
    (byte >= 97 && byte <= 122) ||
    byte === 43 ||
    byte === 45 ||
    byte === 46 ||
    byte === 69
  )
}
