import type { ToolCall } from './chat-types.ts'

/**
 * Characters in one call; a model that opens a call and never closes it must not fill memory, nor
 * make every later token search a growing buffer.
 */
export const MAX_TOOL_CALL_CHARS = 64 * 1024

const OPEN = '<tool_call>'
const CLOSE = '</tool_call>'

/** What the parser makes of a model's text: text for the client, or a whole call. */
export type ToolCallOutput =
  | { type: 'text'; text: string }
  | { type: 'tool_call'; call: ToolCall; index: number }

/** The end of `text` that may belong to a call still to come: whitespace, then part of the tag. */
function undecided(text: string): number {
  let cut = text.length
  for (let length = Math.min(OPEN.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(OPEN.slice(0, length))) {
      cut -= length
      break
    }
  }
  return text.slice(0, cut).trimEnd().length
}

/** Reads `{"name": …, "arguments": {…}}`; undefined when the model wrote something else. */
function readCall(json: string): { name: string; arguments: string } | undefined {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { name, arguments: args = {} } = value as { name?: unknown; arguments?: unknown }
  if (typeof name !== 'string' || name === '') return undefined
  // Some models write the arguments as text already, which is how OpenAI sends them.
  return { name, arguments: typeof args === 'string' ? args : JSON.stringify(args) }
}

/**
 * Turns Hermes-style text (`<tool_call>{"name":…,"arguments":{…}}</tool_call>`, used by Qwen,
 * Hermes and many more) into OpenAI tool calls while it streams. Text that may be the start of a
 * tag is held back; whitespace between calls is dropped; what looks like a call but cannot be read
 * is passed on as the text it is. The outcome does not depend on how the text is cut.
 */
export class ToolCallParser {
  readonly #newId: () => string
  #buffer = ''
  #inCall = false
  /** The whitespace before the open tag, given back if no call comes of it. */
  #gap = ''
  #calls = 0

  /** `newId` makes call ids, e.g. `call_…`; passed in because randomness is the caller's. */
  constructor(newId: () => string) {
    this.#newId = newId
  }

  /** Calls found so far; more than none makes the finish reason `tool_calls`. */
  get calls(): number {
    return this.#calls
  }

  /** Takes the next piece of the model's text. */
  push(piece: string): ToolCallOutput[] {
    this.#buffer += piece
    const outputs: ToolCallOutput[] = []
    while (this.#inCall ? this.#readInside(outputs) : this.#readOutside(outputs));
    return outputs
  }

  /** What is left when the model has ended: many models omit the last closing tag. */
  flush(): ToolCallOutput[] {
    const outputs: ToolCallOutput[] = []
    const rest = this.#buffer
    this.#buffer = ''
    if (this.#inCall) {
      this.#inCall = false
      this.#endCall(rest, '', outputs)
    } else if (this.#calls === 0 || rest.trim() !== '') {
      this.#text(rest, outputs)
    }
    return outputs
  }

  /** Up to the next opening tag. Returns true if it found one. */
  #readOutside(outputs: ToolCallOutput[]): boolean {
    const open = this.#buffer.indexOf(OPEN)
    if (open === -1) {
      const safe = undecided(this.#buffer)
      this.#text(this.#buffer.slice(0, safe), outputs)
      this.#buffer = this.#buffer.slice(safe)
      return false
    }
    const text = this.#buffer.slice(0, open).trimEnd()
    this.#text(text, outputs)
    this.#gap = this.#buffer.slice(text.length, open)
    this.#buffer = this.#buffer.slice(open + OPEN.length)
    this.#inCall = true
    return true
  }

  /** Up to the closing tag. Returns true if the call ended or was given up. */
  #readInside(outputs: ToolCallOutput[]): boolean {
    const close = this.#buffer.indexOf(CLOSE)
    const tooLong =
      close === -1
        ? this.#buffer.length >= MAX_TOOL_CALL_CHARS + CLOSE.length
        : close > MAX_TOOL_CALL_CHARS
    if (close === -1 && !tooLong) return false
    this.#inCall = false
    if (tooLong) {
      this.#text(this.#gap + OPEN, outputs)
      return true
    }
    const inside = this.#buffer.slice(0, close)
    this.#buffer = this.#buffer.slice(close + CLOSE.length)
    this.#endCall(inside, CLOSE, outputs)
    return true
  }

  #endCall(inside: string, close: string, outputs: ToolCallOutput[]): void {
    const call = readCall(inside)
    if (call === undefined) {
      this.#text(this.#gap + OPEN + inside + close, outputs)
      return
    }
    const index = this.#calls
    this.#calls += 1
    outputs.push({
      type: 'tool_call',
      index,
      call: { id: this.#newId(), type: 'function', function: call },
    })
  }

  #text(text: string, outputs: ToolCallOutput[]): void {
    if (text !== '') outputs.push({ type: 'text', text })
  }
}
