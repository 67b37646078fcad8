import type { Endpoint } from '@infernet/schemas/wire'
import type { BilledUsage, Usage } from './chat-types.ts'
import { JsonWalker } from './json-walker.ts'
import { parseUsage } from './usage.ts'

/** What billing needs to know of an answer that was not streamed. */
export interface AnswerFacts {
  /** The answer's own id; embeddings have none. */
  id: string | undefined
  /** Choices of a text, vectors of an embedding: what the client counts on. */
  choices: number
  /**
   * UTF-8 bytes of text over all choices, counted as `StreamMeter` counts them; of an embedding, bytes
   * of the whole answer, which never are 0.
   */
  contentBytes: number
  /** The content of the first choice, which may have other things beside it; embeddings have none. */
  text: string | undefined
  /** Why each choice ended, in the answer's order; none for embeddings. */
  finishReasons: string[]
  usage: Usage | undefined
}

type Fields = Readonly<Record<string, unknown>>

const encoder = new TextEncoder()
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}

function textBytes(...values: unknown[]): number {
  let bytes = 0
  for (const value of values) if (typeof value === 'string') bytes += encoder.encode(value).length
  return bytes
}

function messageBytes(message: Fields): number {
  const calls = Array.isArray(message['tool_calls']) ? message['tool_calls'] : []
  const functions = [message['function_call'], ...calls.map((call) => fieldsOf(call)['function'])]
  let bytes = textBytes(
    message['content'],
    message['reasoning_content'],
    message['reasoning'],
    message['refusal'],
  )
  for (const call of functions)
    bytes += textBytes(fieldsOf(call)['name'], fieldsOf(call)['arguments'])
  return bytes
}

interface ChoiceFacts {
  /** Of all its text. */
  readonly bytes: number
  readonly content: string
}

/** Reads a choice; undefined if it is none of that endpoint's. */
type ChoiceReader = (choice: Fields) => ChoiceFacts | undefined

const CHOICE_READERS: Record<Exclude<Endpoint, 'embeddings'>, ChoiceReader> = {
  'chat.completions': ({ message }) => {
    if (typeof message !== 'object' || message === null) return undefined
    const { content } = message as Fields
    const bytes = messageBytes(message as Fields)
    return { bytes, content: typeof content === 'string' ? content : '' }
  },
  completions: ({ text }) =>
    typeof text === 'string' ? { bytes: textBytes(text), content: text } : undefined,
}

function meterChoices(
  choices: unknown,
  read: ChoiceReader,
): Pick<AnswerFacts, 'choices' | 'contentBytes' | 'finishReasons' | 'text'> | undefined {
  if (!Array.isArray(choices) || choices.length === 0) return undefined
  let contentBytes = 0
  let text: string | undefined
  const finishReasons: string[] = []
  for (const choice of choices.map(fieldsOf)) {
    const facts = read(choice)
    const reason = choice['finish_reason']
    if (facts === undefined || typeof reason !== 'string') return undefined
    finishReasons.push(reason)
    contentBytes += facts.bytes
    text ??= facts.content
  }
  return { choices: choices.length, contentBytes, finishReasons, text }
}

/** A vector: numbers, or their bytes in base64. */
function isVector(value: unknown): boolean {
  if (typeof value === 'string') return value.length > 0
  return Array.isArray(value) && value.length > 0 && value.every((x) => typeof x === 'number')
}

function meterEmbeddings(answer: Fields, answerBytes: number): AnswerFacts | undefined {
  const { data, usage } = answer
  if (!Array.isArray(data) || data.length === 0) return undefined
  if (!data.every((entry) => isVector(fieldsOf(entry)['embedding']))) return undefined
  return {
    id: undefined,
    choices: data.length,
    contentBytes: answerBytes,
    text: undefined,
    finishReasons: [],
    // Engines leave out the completion tokens that cannot be.
    usage: parseUsage({ ...fieldsOf(usage), completion_tokens: 0 }),
  }
}

/**
 * Reads the body of a whole answer. Undefined when it is not one that a client could use: no JSON, no
 * choices, a choice without text or finish reason, no vectors. Such an answer is the provider's
 * failure and may still be replaced by another provider's.
 */
export function meterAnswer(endpoint: Endpoint, body: Uint8Array): AnswerFacts | undefined {
  let answer: Fields
  try {
    answer = fieldsOf(JSON.parse(strictUtf8.decode(body)))
  } catch {
    return undefined
  }
  if (endpoint === 'embeddings') return meterEmbeddings(answer, body.length)
  const facts = meterChoices(answer['choices'], CHOICE_READERS[endpoint])
  if (facts === undefined) return undefined
  const { id } = answer
  return {
    id: typeof id === 'string' ? id : undefined,
    ...facts,
    usage: parseUsage(answer['usage']),
  }
}

/**
 * The same JSON answer with another `usage`: its bytes stand in place of the old value's, or are
 * added behind the last member. Nothing else is read or written anew.
 *
 * @throws JsonWalkError when `body` is no JSON object; one that `meterAnswer` has read is.
 */
export function withUsage(body: Uint8Array, usage: Usage | BilledUsage): Uint8Array {
  const json = new JsonWalker({ strict: false })
  let members = 0
  let start = 0
  let end = 0
  json.walk(body, 0, body.length, () => {
    members += 1
    // Of two, parsers take the last.
    if (json.isKey('usage')) start = json.pos
    json.skipValue()
    if (json.isKey('usage')) end = json.pos
  })
  if (end > 0) return splice(body, start, end, JSON.stringify(usage))
  return withMember(body, 'usage', usage, members === 0)
}

/** The same JSON object with one member more; `empty`, if it has none yet. Nothing is read. */
export function withMember(
  body: Uint8Array,
  key: string,
  value: unknown,
  empty = false,
): Uint8Array {
  const brace = body.lastIndexOf(CLOSE_BRACE)
  const member = `${JSON.stringify(key)}:${JSON.stringify(value)}`
  return splice(body, brace, brace, empty ? member : `,${member}`)
}

const CLOSE_BRACE = 125

function splice(bytes: Uint8Array, start: number, end: number, text: string): Uint8Array {
  const middle = encoder.encode(text)
  const out = new Uint8Array(start + middle.length + bytes.length - end)
  out.set(bytes.subarray(0, start))
  out.set(middle, start)
  out.set(bytes.subarray(end), start + middle.length)
  return out
}
