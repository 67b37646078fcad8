import { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { BUSY_RETRY_AFTER_MS, NO_PROVIDER_RETRY_AFTER_MS } from '../limits.ts'
import type { HoldRefusal } from '../ports.ts'

const OWNERS = { key: 'this API key', account: 'your account' } as const

/** What a client hears of a hold that was refused. */
export function holdRefused(order: { readonly holdMsat: number }, refusal: HoldRefusal): ApiError {
  switch (refusal.reason) {
    case 'insufficient_credit':
      return apiErrors.insufficientCredit(BigInt(order.holdMsat), BigInt(refusal.availableMsat))
    case 'backlog':
      return apiErrors.overloaded(NO_PROVIDER_RETRY_AFTER_MS)
    case 'too_many_open':
      return new ApiError({
        status: 429,
        type: 'rate_limit_error',
        code: 'too_many_concurrent_requests',
        retryAfterMs: BUSY_RETRY_AFTER_MS,
        message: `${refusal.limit} requests are running, which is the limit of ${OWNERS[refusal.scope]}.`,
      })
    case 'rate_limit_requests':
    case 'rate_limit_tokens':
      return new ApiError({
        status: 429,
        type: 'rate_limit_error',
        code: 'rate_limit_exceeded',
        retryAfterMs: refusal.retryAfterMs ?? BUSY_RETRY_AFTER_MS,
        message: `Rate limit of ${refusal.limit} ${refusal.reason === 'rate_limit_tokens' ? 'tokens' : 'requests'} a minute reached for ${OWNERS[refusal.scope]}.`,
      })
    case 'budget':
      // A retry within the client's patience would only meet the same budget.
      return new ApiError({
        status: 429,
        type: 'insufficient_quota',
        code: 'budget_exceeded',
        shouldRetry: false,
        ...(refusal.retryAfterMs === undefined ? {} : { retryAfterMs: refusal.retryAfterMs }),
        message: `This request may cost up to ${order.holdMsat} msat, which does not fit into today's budget of ${refusal.limit} msat of ${OWNERS[refusal.scope]}.`,
      })
  }
}
