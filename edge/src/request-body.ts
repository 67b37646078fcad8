import { apiErrors } from '@infernet/openai-compat/api-errors'
import { concatenate } from './hub/job-body.ts'

/**
 * The request's body, at most `limit` bytes. A declared length is trusted to the HTTP layer, which
 * enforces it; a chunked body is counted as it comes. Throws ApiError 413.
 */
export async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  const declared = request.headers.get('content-length')
  if (declared !== null) {
    if (Number(declared) > limit) throw apiErrors.bodyTooLarge(limit)
    return new Uint8Array(await request.arrayBuffer())
  }
  if (request.body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    length += chunk.length
    if (length > limit) throw apiErrors.bodyTooLarge(limit)
    chunks.push(chunk)
  }
  return concatenate(chunks)
}
