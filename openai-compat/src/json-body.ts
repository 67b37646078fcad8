import { apiErrors } from './api-errors.ts'

/**
 * Nesting of the whole body. JSON.parse copes with any depth, but JSON.stringify recurses, so an
 * unbounded body could overflow the stack of whoever forwards it. Real tool schemas stay below 40.
 */
export const MAX_JSON_DEPTH = 100

/**
 * Keys of one object. Whoever copies or checks an object pays for each key, and a body of nothing
 * but keys would cost seconds. OpenAI allows 5,000 properties in a whole schema.
 */
export const MAX_JSON_KEYS = 8192

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

/**
 * Reads the bytes of a request body as JSON, once and strictly; a byte order mark is skipped. Of
 * duplicate keys the last counts, here as in every engine we know. What comes back holds only what
 * can be written again: bounded depth, finite numbers, and no key `__proto__`, which would set a
 * prototype wherever somebody copies it by assignment. The caller has bounded the bytes.
 *
 * @throws ApiError 400: not UTF-8, not JSON, nested too deep, too many keys, a number out of range.
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  const value = parse(decode(bytes))
  harden(value, MAX_JSON_DEPTH)
  return value
}

function decode(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    throw apiErrors.invalidJson('it is not valid UTF-8')
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw apiErrors.invalidJson(whatIsWrong(error instanceof Error ? error.message : ''))
  }
}

/** V8's message quotes the body, which may be private and would end up in logs; so not all of it. */
function whatIsWrong(message: string): string {
  const position = /at position \d+/.exec(message)?.[0]
  if (position !== undefined) return `unexpected content ${position}`
  return message.startsWith('Unexpected end') ? 'it is not complete' : 'unexpected content'
}

/** `levels`: how many containers may still lie within each other, this one included. */
function harden(value: unknown, levels: number): void {
  if (typeof value === 'number') {
    // Beyond the range of doubles; it would be written again as null.
    if (!Number.isFinite(value)) throw apiErrors.invalidJson('a number in it is out of range')
    return
  }
  if (typeof value !== 'object' || value === null) return
  if (levels === 0) {
    throw apiErrors.invalidRequest(
      `The request body is nested deeper than ${MAX_JSON_DEPTH} levels.`,
    )
  }
  for (const child of Array.isArray(value) ? value : membersOf(value)) {
    // Most of a body is text, which needs no call.
    if (typeof child !== 'string') harden(child, levels - 1)
  }
}

function membersOf(object: object): unknown[] {
  if (Object.hasOwn(object, '__proto__')) Reflect.deleteProperty(object, '__proto__')
  const members: unknown[] = Object.values(object)
  if (members.length > MAX_JSON_KEYS) {
    throw apiErrors.invalidRequest(
      `An object in the request body has more than ${MAX_JSON_KEYS} keys.`,
    )
  }
  return members
}
