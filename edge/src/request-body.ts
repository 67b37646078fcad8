import { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { concatenate } from './hub/job-body.ts'

/**
 * A body over the limit is read on and thrown away up to this multiple of it: a client that is
 * still sending would otherwise see a broken connection instead of the answer.
 */
const DRAIN_FACTOR = 4

/**
 * The request's body, at most `limit` bytes. A declared length is trusted to the HTTP layer, which
 * enforces it; a chunked body is counted as it comes. Throws ApiError 413, or 400 when the client
 * stops in the middle.
 */
export async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  try {
    return await readBytes(request, limit)
  } catch (error) {
    if (error instanceof ApiError) throw error
    throw apiErrors.invalidRequest('The request body broke off.')
  }
}

async function readBytes(request: Request, limit: number): Promise<Uint8Array> {
  const declared = request.headers.get('content-length')
  if (declared !== null && Number(declared) <= limit) {
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
