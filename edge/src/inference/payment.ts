import { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { identifyAnyAge } from '../auth/identify.ts'
import { credentialsOf } from '../auth/credentials.ts'
import type { Identity } from '../auth/identity.ts'
import { notAllowed } from '../l402/l402-errors.ts'
import { PaymentRequired, type PaymentReason } from '../l402/payment-required.ts'
import type { EdgeContext, EdgeServices } from '../services.ts'
import type { ParsedRequest } from './client-api.ts'
import { requestMaximum } from './job-order.ts'
import { servedModels } from './served-models.ts'

/** Who pays for a request, or why an invoice is the answer to it. */
export type Payer =
  | { readonly identity: Identity }
  | { readonly identity: undefined; readonly reason: PaymentReason; readonly refusal: ApiError }

/** Throws ApiError 401 for a bad key or credential, 503 for a bundle that is not credited yet. */
export async function payerOf(services: EdgeServices, c: EdgeContext): Promise<Payer> {
  const { l402, now } = services
  if (l402 !== undefined && (credentialsOf(c) ?? '') === '') {
    const refusal = apiErrors.missingKey()
    if (!(await l402.desk.isOpen())) throw refusal
    return { identity: undefined, reason: 'no_key', refusal }
  }
  const identity = await identifyAnyAge(services, c)
  const { accountId, bundle } = identity
  if (bundle === undefined || l402 === undefined) return { identity }
  const { validUntil } = bundle.limits
  if (validUntil !== undefined && now() >= validUntil * 1000) {
    const refusal = notAllowed('expired')
    if (!(await l402.desk.isOpen())) throw refusal
    return { identity: undefined, reason: 'expired', refusal }
  }
  await l402.funds.credited(accountId, bundle)
  return { identity }
}

/**
 * What a client hears who has nothing to pay the request with: 402 with an invoice for a bundle, or
 * `refusal` where no settler is there who could make one. Throws ApiError for a request that could not
 * be run, or that no bundle covers, and when there were too many.
 */
export async function paymentRequired(
  services: EdgeServices,
  c: EdgeContext,
  parsed: ParsedRequest,
  { reason, refusal }: { readonly reason: PaymentReason; readonly refusal: ApiError },
): Promise<ApiError> {
  const { request } = parsed
  const choices = servedModels(await services.hub.directory(), request, () => {})
  // Any of them may be the one that answers.
  const holdMsat = Math.max(...choices.map((choice) => requestMaximum(parsed, choice).holdMsat))
  const address = services.addressOf(c)
  const challenge = await services.l402?.desk.challenge({ address, model: request.model, holdMsat })
  return challenge === undefined ? refusal : new PaymentRequired(reason, challenge)
}

/** What a failed request's client hears: a bundle that is spent can be followed by another one. */
export async function unpaid(
  services: EdgeServices,
  c: EdgeContext,
  parsed: ParsedRequest,
  identity: Identity,
  error: unknown,
): Promise<unknown> {
  const isSpent = error instanceof ApiError && error.code === 'insufficient_credit'
  if (!isSpent || identity.bundle === undefined) return error
  return paymentRequired(services, c, parsed, { reason: 'exhausted', refusal: error })
}
