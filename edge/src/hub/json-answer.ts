import { parseUsage } from '@infernet/openai-compat/usage'
import { decodeUtf8 } from '@infernet/schemas/utf8'
import type { Usage } from '@infernet/openai-compat/chat-types'

/** What the edge must know of a non-streamed answer before it lets a client see it. */
export interface JsonAnswer {
  readonly usage: Usage | undefined
  /** UTF-8 bytes of generated text, over all choices. */
  readonly contentBytes: number
  readonly finishReason: string
}

/** Reads a chat completion, or returns undefined when the bytes are not one that is complete. */
export function readJsonAnswer(body: Uint8Array): JsonAnswer | undefined {
  let answer: unknown
  try {
    answer = JSON.parse(decodeUtf8(body))
  } catch {
    return undefined
  }
  if (!isObject(answer) || !Array.isArray(answer['choices']) || answer['choices'].length === 0) return undefined
  let contentBytes = 0
  let finishReason: string | undefined
  for (const choice of answer['choices'] as unknown[]) {
    if (!isObject(choice) || typeof choice['finish_reason'] !== 'string' || !isObject(choice['message'])) return undefined
    finishReason ??= choice['finish_reason']
    contentBytes += textBytes(choice['message'])
  }
  if (finishReason === undefined) return undefined
  return { usage: parseUsage(answer['usage']), contentBytes, finishReason }
}

/** Generated text wherever engines put it: content, reasoning, refusal, the arguments of calls. */
function textBytes(message: Record<string, unknown>): number {
  let bytes = 0
  for (const value of Object.values(message)) {
    if (typeof value === 'string') bytes += Buffer.byteLength(value)
    else if (typeof value === 'object' && value !== null) bytes += Buffer.byteLength(JSON.stringify(value))
  }
  return bytes - (typeof message['role'] === 'string' ? message['role'].length : 0)
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
