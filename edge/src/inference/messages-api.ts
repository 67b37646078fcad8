import { apiErrors } from '@infernet/openai-compat/api-errors'
import { canContinue } from '@infernet/openai-compat/continuation'
import { messageError } from '@infernet/openai-compat/messages/message-error'
import { type MessageHead, messagesAnswer } from '@infernet/openai-compat/messages/messages-answer'
import { parseMessagesRequest } from '@infernet/openai-compat/messages/messages-request'
import { MessagesStream } from '@infernet/openai-compat/messages/messages-stream'
import { translatedStream } from '@infernet/openai-compat/messages/translated-stream'
import { MAX_REQUEST_BODY_BYTES } from '@infernet/schemas/limits'
import { isStrict } from '../hub/verdict-wait.ts'
import type { JobOrder } from '../ports.ts'
import type { BodyAnswer, ClientApi } from './client-api.ts'

/** POST /v1/messages: Anthropic's API, run as chat completions. */
export const messages: ClientApi = {
  parse(bytes) {
    const request = parseMessagesRequest(bytes)
    const body = new TextEncoder().encode(JSON.stringify(request.body))
    // Quoted anew inside a string, a call's input can be longer than the client wrote it.
    if (body.length > MAX_REQUEST_BODY_BYTES) throw apiErrors.bodyTooLarge(MAX_REQUEST_BODY_BYTES)
    const continuable = request.stream && canContinue(request.endpoint, request.body)
    const stopSequences = [request.body.stop ?? []].flat()
    const translate = (answer: BodyAnswer, order: JobOrder): BodyAnswer =>
      translated(answer, order, stopSequences)
    return { request, body, continuable, translate }
  },
  errorBody: messageError,
}

function translated(
  answer: BodyAnswer,
  order: JobOrder,
  stopSequences: readonly string[],
): BodyAnswer {
  const { job, model, requestId } = order
  const id = job.replace(/^job_/, 'msg_')
  const head: MessageHead = { id, model, stopSequences, isStrict: isStrict(order) }
  if (answer.kind === 'stream') {
    const stream = new MessagesStream(head, requestId)
    return { ...answer, body: translatedStream(answer.body, stream) }
  }
  const message = messagesAnswer(answer.body, head)
  return { ...answer, body: new TextEncoder().encode(JSON.stringify(message)) }
}
