import { apiErrors } from '../api-errors.ts'
import { ResponsesStream, type ResponsesStreamOptions } from './responses-stream.ts'

const NOTHING = new Uint8Array(0)

/**
 * The body of a streamed response, made of a chat stream's: taken only as fast as it is read, given up
 * when it is given up. Bytes that break off without an end become a failed response.
 */
export function responsesStream(
  chat: ReadableStream<Uint8Array>,
  options: ResponsesStreamOptions,
): ReadableStream<Uint8Array> {
  const reader = chat.getReader()
  const stream = new ResponsesStream(options)
  let begun = false
  const next = async (): Promise<Uint8Array> => {
    if (!begun) {
      begun = true
      return stream.begin()
    }
    while (!stream.over) {
      const { done, value } = await reader.read()
      const bytes = done ? stream.end() : stream.push(value)
      if (bytes.length > 0) return bytes
    }
    return NOTHING
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const bytes = await next().catch(() => stream.fail(apiErrors.providerFailed()))
        if (bytes.length > 0) controller.enqueue(bytes)
        if (!stream.over) return
        controller.close()
        // What follows the end is nobody's; a job that failed here must not go on.
        await reader.cancel('the response is over').catch(() => undefined)
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
