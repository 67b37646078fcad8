import type { Usage } from './chat-types.ts'
import { parseUsage } from './usage.ts'

/** What billing needs to know of an answer that was not streamed. */
export interface CompletionFacts {
  /** UTF-8 bytes of text over all choices, counted as `StreamMeter` counts them. */
  contentBytes: number
  /** One per choice, in the answer's order. */
  finishReasons: string[]
  usage: Usage | undefined
}

const encoder = new TextEncoder()
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function textBytes(...values: unknown[]): number {
  let bytes = 0
  for (const value of values) if (typeof value === 'string') bytes += encoder.encode(value).length
  return bytes
}

function messageBytes(value: unknown): number {
  const message = fieldsOf(value)
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

/**
 * Reads the body of a whole chat completion. Undefined when it is not one that a client could use:
 * no JSON, no choices, a choice without message or finish reason. Such an answer is the provider's
 * failure and may still be replaced by another provider's.
 */
export function meterCompletion(body: Uint8Array): CompletionFacts | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(strictUtf8.decode(body))
  } catch {
    return undefined
  }
  const { choices, usage } = fieldsOf(parsed)
  if (!Array.isArray(choices) || choices.length === 0) return undefined
  const facts: CompletionFacts = {
    contentBytes: 0,
    finishReasons: [],
    usage: parseUsage(usage),
  }
  for (const choice of choices) {
    const { finish_reason: reason, message } = fieldsOf(choice)
    if (typeof reason !== 'string' || typeof message !== 'object' || message === null) {
      return undefined
    }
    facts.finishReasons.push(reason)
    facts.contentBytes += messageBytes(message)
  }
  return facts
}
