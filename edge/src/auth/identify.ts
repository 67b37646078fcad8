import { limitRefusal, type RequestFacts } from '@infernet/settlement/l402/caveats'
import { noBundles, notAllowed } from '../l402/l402-errors.ts'
import type { EdgeContext, EdgeServices } from '../services.ts'
import { credentialsOf } from './credentials.ts'
import type { Identity } from './identity.ts'

/** What a bundle's token must allow where nothing is run. */
const NO_JOB: RequestFacts = { endpoint: undefined, model: undefined }
/** How OpenAI's clients send an L402 credential; the other form has a scheme of its own. */
const L402_KEY = /^(?:Bearer +l402_|(?:L402|LSAT) )/i

/**
 * Whom a request acts for: an account by its API key, or a bundle by its L402 credential. Throws
 * ApiError 401 for a missing, bad or expired one, 403 for a token that is for another service.
 */
export async function identify(services: EdgeServices, c: EdgeContext): Promise<Identity> {
  const identity = await identifyAnyAge(services, c)
  allowRequest(identity, NO_JOB, services.now())
  return identity
}

/** The same for a bundle whose token may have expired: what is left of it is still its holder's. */
export async function identifyAnyAge(services: EdgeServices, c: EdgeContext): Promise<Identity> {
  const authorization = credentialsOf(c)
  if (authorization !== undefined && L402_KEY.test(authorization)) {
    if (services.l402 === undefined) throw noBundles()
    const bundle = services.l402.bundles.identify(authorization)
    if (bundle !== undefined) return bundle
  }
  return services.keys.identify(authorization)
}

/** Throws ApiError 401 or 403 when the identity's token does not allow the request at `now` (ms). */
export function allowRequest({ bundle }: Identity, facts: RequestFacts, now: number): void {
  const refusal = bundle && limitRefusal(bundle.limits, facts, now)
  if (refusal !== undefined) throw notAllowed(refusal)
}
