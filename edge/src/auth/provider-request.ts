import { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { isPeerId, type PeerId } from '@infernet/schemas/peer-id'
import { readSignedRequest, type SignedRequest } from '@infernet/schemas/provider-request'
import type { EdgeContext, EdgeServices } from '../services.ts'
import { identify } from './identify.ts'

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

/**
 * The provider that a request is about, and that has signed it. `about` is what it signs, for the name that it has
 * dialled, as its login is bound to that; `what` only itself may do. Throws ApiError 401, 403 or 404.
 */
export async function signedByItself(
  services: EdgeServices,
  c: EdgeContext,
  {
    id,
    about,
    what,
  }: { readonly id: string; readonly about: (host: string) => string; readonly what: string },
): Promise<PeerId> {
  const signer = await signedBy(services, c, about(new URL(c.req.url).hostname))
  if (signer === undefined) await identify(services, c)
  if (!isPeerId(id)) throw apiErrors.objectNotFound('provider', id)
  if (signer === id) return id
  throw new ApiError({
    status: 403,
    type: 'invalid_request_error',
    code: 'not_the_provider',
    message: `Only ${id} itself may ${what}.`,
  })
}
