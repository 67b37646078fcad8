import { ApiError } from './api-error.ts'

/** Model names listed in a `modelNotFound` message; more would bury the sentence. */
const MAX_LISTED_MODELS = 20

/** Longest piece of a client's own text (a model name, a path) echoed back in a message. */
const MAX_ECHO_CHARS = 120

function echo(text: string): string {
  return text.length > MAX_ECHO_CHARS ? `${text.slice(0, MAX_ECHO_CHARS)}…` : text
}

/** Whose limit was met, in the account port's words. */
type LimitOwner = 'key' | 'account'

const OWNER: Readonly<Record<LimitOwner, string>> = {
  key: 'this API key',
  account: 'your account',
}

const seconds = (ms: number): string => `${Math.ceil(ms / 1000)} s`

/** What is missing, and how to get it; whole satoshi are rounded up. */
function topUpHint(missingMsat: bigint): string {
  const sat = (missingMsat + 999n) / 1000n
  return `${missingMsat} msat (${sat} sat) are missing: top up with POST /v1/billing/topups {"amount_sat": ${sat}}`
}

/**
 * Every error the API answers with, one function each. Whatever was or may have been billed, and
 * whatever cannot get better by itself, carries `shouldRetry: false`.
 */
export const apiErrors = {
  /** 400: the body is not JSON in UTF-8; `reason` completes the sentence. */
  invalidJson: (reason: string) =>
    new ApiError({
      status: 400,
      type: 'invalid_request_error',
      code: 'invalid_json',
      message: `We could not parse the JSON body of your request: ${reason}.`,
    }),

  /** 400: a field is wrong. `param` is its path, dotted (`messages.0.role`). */
  invalidRequest: (message: string, param?: string, code?: string) =>
    new ApiError({
      status: 400,
      type: 'invalid_request_error',
      message,
      ...(param === undefined ? {} : { param }),
      ...(code === undefined ? {} : { code }),
    }),

  /** 400: no provider of the model can do this; `lacking` are endpoints or capabilities. */
  unsupported: (model: string, lacking: readonly string[]) =>
    new ApiError({
      status: 400,
      type: 'invalid_request_error',
      code: 'unsupported_by_model',
      param: 'model',
      shouldRetry: false,
      message:
        `No provider of '${echo(model)}' supports what this request needs: ${lacking.join(', ')}. ` +
        'See its capabilities and endpoints in GET /v1/models.',
    }),

  /** 401: no key was sent. */
  missingKey: () =>
    new ApiError({
      status: 401,
      type: 'invalid_request_error',
      code: 'missing_api_key',
      message:
        "You didn't provide an API key. Send it in the Authorization header: 'Authorization: Bearer YOUR_KEY'.",
    }),

  /** 401: the key is unknown, malformed or revoked. Never echoes it. */
  badKey: () =>
    new ApiError({
      status: 401,
      type: 'invalid_request_error',
      code: 'invalid_api_key',
      message: 'Incorrect API key provided.',
    }),

  /** 402: the balance does not cover the request's maximum cost (both in msat). */
  insufficientCredit: (neededMsat: bigint, availableMsat: bigint) =>
    new ApiError({
      status: 402,
      type: 'insufficient_quota',
      code: 'insufficient_credit',
      shouldRetry: false,
      message: `This request may cost up to ${neededMsat} msat, but ${availableMsat} msat are available. ${topUpHint(neededMsat - availableMsat)}, or lower max_completion_tokens.`,
    }),

  /**
   * 402: today's budget of the key or the account does not cover the request's maximum cost (both
   * in msat). It begins anew in `resetMs`, which is longer than any client should wait; without that the
   * request alone is above the budget.
   */
  budgetExceeded: (
    budget: { msatPerDay: number; owner: LimitOwner },
    neededMsat: number,
    resetMs?: number,
  ) =>
    new ApiError({
      status: 402,
      type: 'insufficient_quota',
      code: `${budget.owner}_budget_exceeded`,
      shouldRetry: false,
      ...(resetMs === undefined ? {} : { retryAfterMs: resetMs }),
      message: `This request may cost up to ${neededMsat} msat, which is more than is left of today's budget of ${budget.msatPerDay} msat for ${OWNER[budget.owner]}. ${
        resetMs === undefined
          ? 'Lower max_completion_tokens.'
          : `The budget begins anew in ${seconds(resetMs)}.`
      }`,
    }),

  /** 402: the token was narrowed to a budget (msat) that does not cover the request's maximum cost. */
  totalBudgetExceeded: (budgetMsat: number, neededMsat: number) =>
    new ApiError({
      status: 402,
      type: 'insufficient_quota',
      code: 'token_budget_exceeded',
      shouldRetry: false,
      message: `This request may cost up to ${neededMsat} msat, with which your bundle would have spent more than the ${budgetMsat} msat that your L402 token is limited to. Lower max_completion_tokens.`,
    }),

  /** 404: nobody serves this model; `served` are the models that are served now. */
  modelNotFound: (model: string, served: readonly string[]) => {
    const listed = served.slice(0, MAX_LISTED_MODELS).join(', ')
    const more = served.length > MAX_LISTED_MODELS ? ', … (see GET /v1/models)' : ''
    return new ApiError({
      status: 404,
      type: 'invalid_request_error',
      code: 'model_not_found',
      param: 'model',
      message:
        `The model '${echo(model)}' does not exist or is not served now. ` +
        (listed === '' ? 'No model is served at the moment.' : `Served now: ${listed}${more}.`),
    })
  },

  /** 404: no such object, or it is another account's. */
  objectNotFound: (
    kind:
      | 'response'
      | 'calibration'
      | 'provider'
      | 'slash'
      | 'generation'
      | 'job'
      | 'topup'
      | 'withdrawal',
    id: string,
  ) =>
    new ApiError({
      status: 404,
      type: 'invalid_request_error',
      code: `${kind}_not_found`,
      param: 'id',
      message: `No ${kind} with the id '${echo(id)}' was found.`,
    }),

  /** 404: no such route. */
  notFound: (method: string, path: string) =>
    new ApiError({
      status: 404,
      type: 'invalid_request_error',
      code: 'unknown_url',
      message: `Unknown request URL: ${method} ${echo(path)}.`,
    }),

  /** 405: the route exists, the method does not. The caller adds the `allow` header. */
  methodNotAllowed: (method: string, allowed: readonly string[]) =>
    new ApiError({
      status: 405,
      type: 'invalid_request_error',
      code: 'method_not_allowed',
      message: `${method} is not allowed here. Allowed: ${allowed.join(', ')}.`,
    }),

  /** 409: an Idempotency-Key came back with another body. */
  idempotencyConflict: () =>
    new ApiError({
      status: 409,
      type: 'invalid_request_error',
      code: 'idempotency_key_reused',
      shouldRetry: false,
      message: 'This Idempotency-Key was already used with a different request.',
    }),

  /** 413: the body is longer than `maxBytes`. */
  bodyTooLarge: (maxBytes: number) =>
    new ApiError({
      status: 413,
      type: 'invalid_request_error',
      code: 'body_too_large',
      message: `The request body is larger than the limit of ${maxBytes} bytes.`,
    }),

  /** 431: the headers are longer than `maxBytes`. */
  headersTooLarge: (maxBytes: number) =>
    new ApiError({
      status: 431,
      type: 'invalid_request_error',
      code: 'headers_too_large',
      message: `The request headers are larger than the limit of ${maxBytes} bytes.`,
    }),

  /** 429: `limit` requests of the key or the account are running already. */
  tooManyConcurrent: (limit: number, retryAfterMs: number, owner: LimitOwner = 'account') =>
    new ApiError({
      status: 429,
      type: 'rate_limit_error',
      code: 'too_many_concurrent_requests',
      retryAfterMs,
      message: `${limit} requests are running, which is the limit of ${OWNER[owner]}. Try again when one of them has ended.`,
    }),

  /**
   * 429: a limit per minute is used up for `retryAfterMs`; without it the request alone is above
   * the limit, and no wait helps.
   */
  rateLimited: (
    limit: { of: 'requests' | 'tokens'; perMinute: number; owner: LimitOwner },
    retryAfterMs?: number,
  ) =>
    new ApiError({
      status: 429,
      type: 'rate_limit_error',
      code: 'rate_limit_exceeded',
      ...(retryAfterMs === undefined ? { shouldRetry: false } : { retryAfterMs }),
      message: `Rate limit of ${limit.perMinute} ${limit.of} per minute reached for ${OWNER[limit.owner]}. ${
        retryAfterMs === undefined
          ? 'This request alone is above it: shorten the prompt or lower max_completion_tokens.'
          : `Try again in ${seconds(retryAfterMs)}.`
      }`,
    }),

  /** 500: our fault. The cause goes to the log, never into the message. */
  internal: () =>
    new ApiError({
      status: 500,
      type: 'server_error',
      code: 'internal_error',
      message: 'The server had an error while processing your request.',
    }),

  /** 502: every provider that was tried broke before the first token, or one broke in mid-stream. */
  providerFailed: () =>
    new ApiError({
      status: 502,
      type: 'server_error',
      code: 'provider_failed',
      message: 'The provider failed while answering your request.',
    }),

  /** 502: the answer was verified, as its client had asked, and it is not what was promised. It is not charged. */
  verificationFailed: (job: string, reason: string | null) =>
    new ApiError({
      status: 502,
      type: 'server_error',
      code: 'verification_failed',
      message:
        `The answer failed its verification${reason === null ? '' : ` (${reason})`}: do not trust it. ` +
        `It is not charged; what was taken for it comes back. GET /v1/receipts/${job} shows what was found.`,
    }),

  /** 503: the model exists, but no provider meets the request now (price, capability, region). */
  noProvider: (model: string, retryAfterMs: number) =>
    new ApiError({
      status: 503,
      type: 'server_error',
      code: 'no_provider',
      retryAfterMs,
      message: `No provider for '${echo(model)}' meets this request at the moment.`,
    }),

  /**
   * 503: providers serve the model, but the client's own preferences rule all of them out;
   * `preferences` are their keys within `provider`.
   */
  noProviderMatches: (model: string, preferences: readonly string[], retryAfterMs: number) =>
    new ApiError({
      status: 503,
      type: 'server_error',
      code: 'no_provider_matches',
      param: 'provider',
      retryAfterMs,
      message: `No provider for '${echo(model)}' meets your preferences at the moment: ${preferences
        .map((key) => `provider.${key}`)
        .join(', ')}.`,
    }),

  /** 503: providers exist, all are full. */
  overloaded: (retryAfterMs: number) =>
    new ApiError({
      status: 503,
      type: 'overloaded_error',
      code: 'overloaded',
      retryAfterMs,
      message: 'All providers for this request are busy. Try again shortly.',
    }),

  /** 503: all providers are full, and `waiting` requests wait for one, which is as many as may. */
  queueFull: (waiting: number, retryAfterMs: number) =>
    new ApiError({
      status: 503,
      type: 'overloaded_error',
      code: 'queue_full',
      retryAfterMs,
      message: `All providers for this request are busy, and ${waiting} requests wait for them already. Try again in ${seconds(retryAfterMs)}.`,
    }),

  /** 503: the request has waited `waitedMs` for a provider, and none had room. */
  queueTimeout: (waitedMs: number, retryAfterMs: number) =>
    new ApiError({
      status: 503,
      type: 'overloaded_error',
      code: 'queue_timeout',
      retryAfterMs,
      message: `All providers for this request stayed busy for ${seconds(waitedMs)}. Try again in ${seconds(retryAfterMs)}.`,
    }),

  /** 504: no first token, or no next token, within `timeoutMs`. */
  providerTimeout: (timeoutMs: number) =>
    new ApiError({
      status: 504,
      type: 'server_error',
      code: 'provider_timeout',
      message: `The provider sent nothing for ${timeoutMs} ms.`,
    }),
} as const

/** The client-facing error for anything thrown: itself if it is an `ApiError`, else `internal`. */
export function toApiError(thrown: unknown): ApiError {
  return thrown instanceof ApiError ? thrown : apiErrors.internal()
}
