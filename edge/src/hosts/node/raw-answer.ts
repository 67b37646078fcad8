import type { Duplex } from 'node:stream'
import { errorEnvelope, type ApiError } from '@infernet/openai-compat/api-error'

/** Answers with an error's envelope on a socket that has no HTTP response object, and ends it. `status` is the status line's text. */
export function endWithError(socket: Duplex, status: string, error: ApiError): void {
  const body = JSON.stringify(errorEnvelope(error))
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}
