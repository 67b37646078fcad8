import { JsonWalker, JsonWalkError } from '@infernet/openai-compat/json-walker'

const QUOTE = 34
const COMMA = 44
const SPACE = 32
const OPEN_BRACKET = 91
const BACKSLASH = 92
const CLOSE_BRACKET = 93
const LETTER_N = 110
const OPEN_BRACE = 123
const CLOSE_BRACE = 125
const NULL = Buffer.from('null')
const NOTHING = Buffer.alloc(0)

/** How an answer is to look without what was asked for beside it. */
export interface Hiding {
  /** Of a choice's `logprobs`: gone with its key, `null`, or with so many of the likeliest as the client asked for. */
  readonly logprobs: 'gone' | 'null' | { readonly top: number }
  /** Whether ids of tokens become `null`, which is how vLLM says that nobody asked. */
  readonly ids: boolean
  /** Whether `timings` go where there are logprobs: the server was asked for them with every token. */
  readonly timings: boolean
}

interface Cut {
  readonly from: number
  readonly to: number
  readonly by: Buffer
}

const ID_KEYS = ['token_ids', 'prompt_token_ids'] as const

/**
 * Takes fields out of an answer's JSON and leaves every other byte as the engine wrote it: numbers, order and
 * spaces would not survive being read and written.
 */
export class FieldHider {
  readonly #json = new JsonWalker({ strict: false })
  readonly #hiding: Hiding
  #cuts: Cut[] = []
  #timings: Cut | undefined
  #hasLogprobs = false
  #left = 0
  #keptEnd = 0

  constructor(hiding: Hiding) {
    this.#hiding = hiding
  }

  /** The bytes without the fields; they contain one JSON object. Throws `JsonWalkError` when they do not. */
  hide(bytes: Buffer): Buffer {
    this.#cuts = []
    this.#timings = undefined
    this.#hasLogprobs = false
    const end = bytes.lastIndexOf('}') + 1
    // Without the blank line behind, which the walk would go over.
    this.#json.walk(bytes.subarray(0, end), bytes.indexOf('{'), end, this.#onTop)
    if (this.#timings !== undefined && this.#hasLogprobs) this.#cuts.push(this.#timings)
    if (this.#cuts.length === 0) return bytes
    const parts: Buffer[] = []
    let at = 0
    for (const { from, to, by } of this.#cuts.toSorted((a, b) => a.from - b.from)) {
      parts.push(bytes.subarray(at, from), by)
      at = to
    }
    parts.push(bytes.subarray(at))
    return Buffer.concat(parts)
  }

  readonly #onTop = (): void => {
    const json = this.#json
    if (json.isKey('choices')) return json.elements(this.#onChoice)
    if (this.#isIds()) return this.#replace(NULL)
    const isTimings = this.#hiding.timings && json.isKey('timings')
    const from = json.pos
    json.skipValue()
    if (isTimings) this.#timings = this.#member(from)
  }

  readonly #onChoice = (): void => this.#json.members(this.#onChoiceMember)

  readonly #onChoiceMember = (): void => {
    const json = this.#json
    if (this.#isIds()) return this.#replace(NULL)
    if (!json.isKey('logprobs') || json.bytes[json.pos] === LETTER_N) return json.skipValue()
    this.#hasLogprobs = true
    const { logprobs } = this.#hiding
    if (typeof logprobs !== 'string') return json.members(this.#onLists)
    const from = json.pos
    json.pos = endOfObject(json.bytes, from)
    this.#cuts.push(logprobs === 'gone' ? this.#member(from) : { from, to: json.pos, by: NULL })
  }

  readonly #onLists = (): void => this.#json.elements(this.#onToken)
  readonly #onToken = (): void => this.#json.members(this.#onTokenMember)

  readonly #onTokenMember = (): void => {
    const json = this.#json
    const { logprobs } = this.#hiding
    if (typeof logprobs === 'string' || !json.isKey('top_logprobs')) return json.skipValue()
    this.#left = logprobs.top
    this.#keptEnd = json.pos + 1
    json.elements(this.#onCandidate)
    const end = json.pos - 1
    if (end > this.#keptEnd) this.#cuts.push({ from: this.#keptEnd, to: end, by: NOTHING })
  }

  readonly #onCandidate = (): void => {
    this.#json.skipValue()
    if (this.#left > 0) this.#keptEnd = this.#json.pos
    this.#left--
  }

  #isIds(): boolean {
    return this.#hiding.ids && ID_KEYS.some((key) => this.#json.isKey(key))
  }

  #replace(by: Buffer): void {
    const from = this.#json.pos
    this.#json.skipValue()
    this.#cuts.push({ from, to: this.#json.pos, by })
  }

  /** The member whose value, from `value` on, was just stepped over, with a comma on one of its sides. */
  #member(value: number): Cut {
    const { bytes } = this.#json
    const before = (at: number): number => {
      let left = at - 1
      while (bytes[left] === SPACE) left--
      return left
    }
    let key = before(before(value))
    do key--
    while (bytes[key] !== QUOTE)
    const comma = before(key)
    if (bytes[comma] === COMMA) return { from: comma, to: this.#json.pos, by: NOTHING }
    const isFollowed = bytes[this.#json.pos] === COMMA
    return { from: key, to: this.#json.pos + (isFollowed ? 1 : 0), by: NOTHING }
  }
}

/** Behind the object or array that begins at `from`; most of an answer's bytes are in one, so it is not walked. */
function endOfObject(bytes: Uint8Array, from: number): number {
  let depth = 0
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === QUOTE) {
      for (at++; bytes[at] !== QUOTE && at < bytes.length; at++) if (bytes[at] === BACKSLASH) at++
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++
    else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) return at + 1
  }
  throw new JsonWalkError('an object has no end')
}
