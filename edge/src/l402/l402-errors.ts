import { ApiError } from '@infernet/openai-compat/api-error'
import type { LimitRefusal } from '@infernet/settlement/l402/caveats'
import type { CredentialFault } from '@infernet/settlement/l402/credential'

/** What clients hear of their L402 credentials. */
const FAULTS: Readonly<Record<CredentialFault | 'malformed', string>> = {
  malformed:
    "The L402 credential cannot be read. Send 'Authorization: L402 TOKEN:PREIMAGE', or 'Bearer l402_TOKEN.PREIMAGE' with the token in base64url.",
  bad_identifier: 'The L402 token was not issued here.',
  unknown_key: 'The L402 token was not issued here, or so long ago that its key is gone.',
  bad_signature: 'The L402 token has been altered, or was not issued here.',
  bad_preimage:
    "The preimage does not belong to the L402 token. It is what your wallet gets by paying the token's own invoice.",
  unknown_caveat: 'The L402 token has a caveat that this edge does not know.',
  malformed_caveat: 'The L402 token has a caveat that cannot be read.',
  widened_caveat: 'The L402 token has a caveat that allows more than one before it.',
}

/** 401: the credential is no good, whatever it is used for. */
export const badCredential = (fault: keyof typeof FAULTS): ApiError =>
  new ApiError({
    status: 401,
    type: 'invalid_request_error',
    code: 'invalid_l402',
    shouldRetry: false,
    message: FAULTS[fault],
  })

/** 401: this edge has no master keys. */
export const noBundles = (): ApiError =>
  new ApiError({
    status: 401,
    type: 'invalid_request_error',
    code: 'invalid_l402',
    shouldRetry: false,
    message: 'This edge takes no L402 credentials. Send an API key.',
  })

const NOT_ALLOWED: Readonly<Record<LimitRefusal, string>> = {
  expired: 'The L402 token has expired.',
  other_service: 'The L402 token is not for this API.',
  capability_not_allowed: 'The L402 token does not allow this endpoint.',
  model_not_allowed: 'The L402 token does not allow this model.',
}

/** 401 when it has expired, else 403: the credential is good, but not for this request. */
export const notAllowed = (refusal: LimitRefusal): ApiError =>
  new ApiError({
    status: refusal === 'expired' ? 401 : 403,
    type: 'invalid_request_error',
    code: refusal === 'expired' ? 'l402_expired' : 'l402_not_allowed',
    shouldRetry: false,
    message: NOT_ALLOWED[refusal],
  })

/** 403: only who has the whole token may have what is left. */
export const notWhole = (): ApiError =>
  new ApiError({
    status: 403,
    type: 'invalid_request_error',
    code: 'l402_not_allowed',
    shouldRetry: false,
    message:
      'The L402 token has been narrowed: only the token as it was issued can close its bundle.',
  })

/** 503: the invoice is paid, as the preimage shows, and its money is on its way to the balance. */
export const notCreditedYet = (retryAfterMs: number): ApiError =>
  new ApiError({
    status: 503,
    type: 'server_error',
    code: 'payment_pending',
    retryAfterMs,
    message: 'Your payment has not been credited yet. Do not pay again; try again shortly.',
  })

/** 503: no invoice can be made just now. */
export const noInvoice = (retryAfterMs: number): ApiError =>
  new ApiError({
    status: 503,
    type: 'server_error',
    code: 'invoice_unavailable',
    retryAfterMs,
    message: 'No invoice can be made at the moment. Try again shortly, or send an API key.',
  })

/** 429: too many invoices were asked for and not paid. */
export const tooManyInvoices = (retryAfterMs: number): ApiError =>
  new ApiError({
    status: 429,
    type: 'rate_limit_error',
    code: 'too_many_invoices',
    retryAfterMs,
    message:
      'Too many invoices were asked for. Pay one of them, wait a minute, or send an API key.',
  })

/** 402: no bundle is as large. */
export const tooDear = (neededMsat: number, mostMsat: number): ApiError =>
  new ApiError({
    status: 402,
    type: 'insufficient_quota',
    code: 'payment_required',
    shouldRetry: false,
    message: `This request may cost up to ${neededMsat} msat, and a bundle has at most ${mostMsat} msat. Lower max_completion_tokens, or send an API key.`,
  })
