import { ApiError } from '@infernet/openai-compat/api-error'
import type { PeerId } from '@infernet/schemas/peer-id'
import { readSignedRequest, type SignedRequest } from '@infernet/schemas/provider-request'
import type { EdgeContext, EdgeServices } from '../services.ts'

type Fault = Extract<SignedRequest, { ok: false }>['fault']

const MESSAGES: Readonly<Record<Fault, string>> = {
  malformed: 'The headers of a signed request are incomplete or malformed.',
  time: 'The request was not signed within five minutes of now: check the clock, and sign anew.',
  signature: 'The signature is not this provider’s over what is asked for.',
}

/**
 * The provider that has signed a request about `about` (an id); undefined when none says so. Throws
 * ApiError 401 for a bad signature.
 */
export async function signedBy(
  { now }: EdgeServices,
  c: EdgeContext,
  about: string,
): Promise<PeerId | undefined> {
  const request = await readSignedRequest((name) => c.req.header(name), about, now())
  if (request === undefined || request.ok) return request?.peer
  throw new ApiError({
    status: 401,
    type: 'invalid_request_error',
    code: 'invalid_signature',
    message: MESSAGES[request.fault],
  })
}
