/** The bytes are not JSON as far as a walk over them can tell. */
export class JsonWalkError extends Error {
  override readonly name = 'JsonWalkError'
  readonly code = 'malformed_json'
}

const TAB = 9
const LF = 10
const CR = 13
const SPACE = 32
const QUOTE = 34
const COMMA = 44
const COLON = 58
const OPEN_BRACKET = 91
const BACKSLASH = 92
const CLOSE_BRACKET = 93
const LETTER_F = 102
const LETTER_N = 110
const OPEN_BRACE = 123
const CLOSE_BRACE = 125

/**
 * Walks JSON as bytes, so that a value can be found without building any other: no string, object
 * or recursion. It checks as much structure as it needs to stay in step and is no full validator.
 * Callers go down the path they know with {@link members} and {@link elements}, and step over the
 * rest with {@link skipValue}.
 */
export class JsonWalker {
  bytes: Uint8Array = new Uint8Array(0)
  /** The next byte to read; at a value's first byte when a callback is called. */
  pos = 0
  #end = 0
  #keyStart = 0
  #keyEnd = 0
  readonly #strict: boolean

  /**
   * `strict`, for the data of an event: no line breaks between tokens, where even a lone CR would
   * end the line to a reader, and no escapes in the keys of walked objects. Nobody escapes a known
   * key but to be understood differently by different readers.
   */
  constructor(options: { strict: boolean }) {
    this.#strict = options.strict
  }

  /**
   * Walks the one object in `bytes[start, end)`, calling `member` at each value.
   *
   * @throws JsonWalkError when the bytes are no JSON object.
   */
  walk(bytes: Uint8Array, start: number, end: number, member: () => void): void {
    this.bytes = bytes
    this.pos = start
    this.#end = end
    if (this.#peek() !== OPEN_BRACE) throw new JsonWalkError('not an object')
    this.members(member)
    this.#peek()
    if (this.pos !== end) throw new JsonWalkError('data after the object')
  }

  /**
   * Walks an object, calling `member` at each value; steps over any other kind of value, unless it
   * walks strictly: then only `null` or `false` may stand in its place.
   */
  members(member: () => void): void {
    if (this.#peek() !== OPEN_BRACE) return this.#skipInstead('an object')
    this.pos += 1
    if (this.#peek() === CLOSE_BRACE) {
      this.pos += 1
      return
    }
    do {
      if (this.#peek() !== QUOTE) throw new JsonWalkError('a key is missing')
      this.#keyStart = this.pos + 1
      const escaped = this.#skipString()
      this.#keyEnd = this.pos - 1
      if (escaped && this.#strict) throw new JsonWalkError('a key is escaped')
      if (this.#peek() !== COLON) throw new JsonWalkError('a colon is missing')
      this.pos += 1
      this.#peek()
      member()
    } while (this.#more(CLOSE_BRACE))
  }

  /** Walks an array, calling `element` at each value; in place of an array as {@link members} does. */
  elements(element: () => void): void {
    if (this.#peek() !== OPEN_BRACKET) return this.#skipInstead('an array')
    this.pos += 1
    if (this.#peek() === CLOSE_BRACKET) {
      this.pos += 1
      return
    }
    do {
      this.#peek()
      element()
    } while (this.#more(CLOSE_BRACKET))
  }

  #skipInstead(expected: string): void {
    const byte = this.#peek()
    const isNothing = byte === LETTER_N || byte === LETTER_F
    if (this.#strict && !isNothing) throw new JsonWalkError(`${expected} is missing`)
    this.skipValue()
  }

  /** True if the current key is `name` (ASCII), written without escapes. */
  isKey(name: string): boolean {
    if (this.#keyEnd - this.#keyStart !== name.length) return false
    for (let i = 0; i < name.length; i++) {
      if (this.bytes[this.#keyStart + i] !== name.charCodeAt(i)) return false
    }
    return true
  }

  /** Steps over any value. Brackets are only counted, not matched. */
  skipValue(): void {
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
      } else if (depth === 0) throw new JsonWalkError('a value is missing')
      if (depth < 0) throw new JsonWalkError('a value is missing')
      this.pos += 1
    } while (depth > 0)
  }

  /** Steps over a comma (true) or the closing bracket (false). */
  #more(close: number): boolean {
    const byte = this.#peek()
    this.pos += 1
    if (byte === COMMA) return true
    if (byte === close) return false
    throw new JsonWalkError('a comma is missing')
  }

  /** Steps over whitespace and returns the byte there. */
  #peek(): number {
    let byte = this.bytes[this.pos]
    while (byte === SPACE || (!this.#strict && (byte === TAB || byte === LF || byte === CR))) {
      byte = this.bytes[++this.pos]
    }
    return this.pos < this.#end ? (byte ?? 0) : 0
  }

  /** Steps over a string; true if it has escapes. */
  #skipString(): boolean {
    const { bytes } = this
    const end = this.#end
    let escaped = false
    let i = this.pos + 1
    for (;;) {
      let byte = bytes[i] as number
      while (byte !== QUOTE && byte !== BACKSLASH && byte >= SPACE) byte = bytes[++i] as number
      if (i >= end) break
      if (byte === QUOTE) {
        this.pos = i + 1
        return escaped
      }
      if (byte !== BACKSLASH) break
      escaped = true
      i += 2
    }
    throw new JsonWalkError('a string has no end')
  }

  /** Steps over a number, `true`, `false` or `null`. */
  #skipLiteral(): void {
    const start = this.pos
    const first = this.bytes[start] ?? 0
    while (this.pos < this.#end && isLiteralByte(this.bytes[this.pos] ?? 0)) this.pos += 1
    if (this.pos === start) throw new JsonWalkError('a value is missing')
    if (first >= LETTER_A && !WORDS.some((word) => this.#isWord(word, start))) {
      throw new JsonWalkError('an unknown word')
    }
  }

  #isWord(word: readonly number[], start: number): boolean {
    if (this.pos - start !== word.length) return false
    return word.every((byte, i) => this.bytes[start + i] === byte)
  }
}

const LETTER_A = 97
const WORDS = ['null', 'true', 'false'].map((word) => [...new TextEncoder().encode(word)])

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
