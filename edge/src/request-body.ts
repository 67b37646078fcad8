import { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { concatenate } from './hub/job-body.ts'

/**
 * A body over the limit is read on and thrown away up to this multiple of it: a client that is
 * still sending would otherwise see a broken connection instead of the answer.
 */
const DRAIN_FACTOR = 4

/** A `Content-Length` (RFC 9110 §8.6); `Number` would take more, such as -1. */
const LENGTH = /^\d{1,15}$/

/**
 * The request's body, at most `limit` bytes. A declared length is trusted to the HTTP layer, which
 * enforces it; a chunked body is counted as it comes. Compressed bodies are not unpacked: nobody
 * sends them, and a small one may hide a huge one. Throws ApiError 413, 415, or 400 when the client
 * stops in the middle.
 */
export async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  const encoding = request.headers.get('content-encoding')?.trim().toLowerCase() ?? ''
  if (encoding !== '' && encoding !== 'identity') throw encodedBody()
  try {
    return await readBytes(request, limit)
  } catch (error) {
    if (error instanceof ApiError) throw error
    throw apiErrors.invalidRequest('The request body broke off.')
  }
}

const encodedBody = (): ApiError =>
  new ApiError({
    status: 415,
    type: 'invalid_request_error',
    code: 'unsupported_content_encoding',
    message: 'The request body must not be compressed: leave out the Content-Encoding header.',
  })

async function readBytes(request: Request, limit: number): Promise<Uint8Array> {
  const declared = request.headers.get('content-length')
  if (declared !== null && LENGTH.test(declared) && Number(declared) <= limit) {
    return new Uint8Array(await request.arrayBuffer())
  }
  if (request.body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    length += chunk.length
    if (length <= limit) chunks.push(chunk)
    if (length > limit * DRAIN_FACTOR) break
  }
  if (length > limit) throw apiErrors.bodyTooLarge(limit)
  return concatenate(chunks)
}
