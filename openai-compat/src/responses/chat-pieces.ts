import type { BilledUsage, TokenLogprob, Usage } from '../chat-types.ts'
import { parseUsage } from '../usage.ts'
import type { ResponseWriter } from './response-writer.ts'

type Fields = Readonly<Record<string, unknown>>

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/**
 * Reads a message of a chat answer, or the delta of a chunk, into a response: what it thinks, what
 * it says, whom it calls. What is not of the expected kind is passed over.
 */
export function readMessage(writer: ResponseWriter, message: Fields, logprobs: unknown): void {
  // Engines differ in the name, and some write both with the same text.
  writer.reasoning(textOf(message['reasoning_content']) || textOf(message['reasoning']))
  const tokens = listOf(fieldsOf(logprobs)['content']).filter(isTokenLogprob)
  writer.text(textOf(message['content']), tokens)
  writer.refusal(textOf(message['refusal']))
  for (const [i, value] of listOf(message['tool_calls']).entries()) {
    const { index, id, function: called } = fieldsOf(value)
    const { name, arguments: text } = fieldsOf(called)
    writer.call({
      index: typeof index === 'number' ? index : i,
      id: textOf(id) || undefined,
      name: textOf(name) || undefined,
      arguments: textOf(text),
    })
  }
}

function isLogprob(value: unknown): boolean {
  const { token, logprob, bytes } = fieldsOf(value)
  const bytesFit = bytes === null || bytes === undefined || Array.isArray(bytes)
  return typeof token === 'string' && typeof logprob === 'number' && bytesFit
}

function isTokenLogprob(value: unknown): value is TokenLogprob {
  const { top_logprobs: top } = fieldsOf(value)
  return isLogprob(value) && Array.isArray(top) && top.every(isLogprob)
}

/** Usage with its cost, if the edge has billed it. */
export function parseBilledUsage(value: unknown): Usage | BilledUsage | undefined {
  const usage = parseUsage(value)
  if (usage === undefined) return undefined
  const { cost, cost_sat } = fieldsOf(value)
  if (typeof cost !== 'number' || typeof cost_sat !== 'number') return usage
  return { ...usage, cost, cost_sat }
}
