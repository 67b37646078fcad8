import { apiErrors } from '../api-errors.ts'
import { noteIn } from '../verification-note.ts'
import { parseBilledUsage, readMessage } from './chat-pieces.ts'
import { ResponseFaultError } from './response-fault.ts'
import type { ResponseHead } from './response-object.ts'
import type { ResponseObject } from './response-types.ts'
import { ResponseWriter } from './response-writer.ts'

type Fields = Readonly<Record<string, unknown>>

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}

function parseAnswer(body: Uint8Array): Fields {
  try {
    return fieldsOf(JSON.parse(new TextDecoder().decode(body)))
  } catch {
    throw apiErrors.providerFailed()
  }
}

/**
 * The response that says what a whole chat completion says. `now` is in ms since the epoch.
 *
 * @throws ApiError 502 for what is no chat completion.
 */
export function responseOfChat(body: Uint8Array, head: ResponseHead, now: number): ResponseObject {
  const answer = parseAnswer(body)
  const [choice] = Array.isArray(answer['choices']) ? answer['choices'] : []
  const { message, logprobs, finish_reason: reason } = fieldsOf(choice)
  if (typeof reason !== 'string') throw apiErrors.providerFailed()
  const writer = new ResponseWriter(head, () => {})
  try {
    readMessage(writer, fieldsOf(message), logprobs)
    writer.finish(reason)
  } catch (error) {
    if (error instanceof ResponseFaultError) throw apiErrors.providerFailed()
    throw error
  }
  const note = head.isStrict ? noteIn(answer) : undefined
  return writer.complete({ usage: parseBilledUsage(answer['usage']), note }, now)
}
