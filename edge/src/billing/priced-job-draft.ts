import { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { parseJsonBody } from '@infernet/openai-compat/json-body'
import { pricedJobRequestSchema } from '@infernet/openai-compat/openapi/priced-job-schemas'
import type { PricedJobEndpoint } from '@infernet/openai-compat/priced-job-endpoints'
import { checkShape } from '@infernet/openai-compat/zod-issue'
import { encodeUtf8 } from '@infernet/schemas/utf8'
import type { ParsedRequest } from '../inference/client-api.ts'
import { PRICED_JOB_APIS } from './priced-job-apis.ts'
import type { JobMetadata } from './priced-jobs-port.ts'

/** What a client wants done at a fixed price. */
export interface PricedJobDraft {
  readonly endpoint: PricedJobEndpoint
  /** The request's body, JSON. */
  readonly request: string
  readonly metadata: JobMetadata
  readonly parsed: ParsedRequest
}

/** Reads the body of `POST /v1/jobs`. Throws ApiError 400; `param` is a path in that body. */
export function pricedJobDraft(bytes: Uint8Array): PricedJobDraft {
  const order = parseJsonBody(bytes)
  checkShape(pricedJobRequestSchema, order)
  const { endpoint, metadata } = order
  const request = JSON.stringify(order.body)
  const parsed = parsedInside(endpoint, encodeUtf8(request))
  if (parsed.request.stream) {
    throw apiErrors.invalidRequest(
      "The answer of a job is not streamed: leave out 'stream'.",
      'body.stream',
      'unsupported_parameter',
    )
  }
  return { endpoint, request, metadata: metadata ?? {}, parsed }
}

function parsedInside(endpoint: PricedJobEndpoint, body: Uint8Array): ParsedRequest {
  try {
    return PRICED_JOB_APIS[endpoint].parse(body)
  } catch (error) {
    if (!(error instanceof ApiError) || error.param === null) throw error
    throw apiErrors.invalidRequest(error.message, `body.${error.param}`, error.code ?? undefined)
  }
}
