import type { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { BUSY_RETRY_AFTER_MS, NO_PROVIDER_RETRY_AFTER_MS } from '../limits.ts'
import type { HoldRefusal } from '../ports.ts'

/** What a client hears of a hold that was refused. */
export function holdRefused(order: { readonly holdMsat: number }, refusal: HoldRefusal): ApiError {
  switch (refusal.reason) {
    case 'insufficient_credit':
      return apiErrors.insufficientCredit(BigInt(order.holdMsat), BigInt(refusal.availableMsat))
    case 'backlog':
      return apiErrors.overloaded(NO_PROVIDER_RETRY_AFTER_MS)
    case 'too_many_open':
      return apiErrors.tooManyConcurrent(refusal.limit, BUSY_RETRY_AFTER_MS, refusal.scope)
    case 'rate_limit_requests':
    case 'rate_limit_tokens': {
      const of = refusal.reason === 'rate_limit_tokens' ? 'tokens' : 'requests'
      const limit = { of, perMinute: refusal.limit, owner: refusal.scope } as const
      return apiErrors.rateLimited(limit, refusal.retryAfterMs)
    }
    case 'budget':
      if (refusal.total === true)
        return apiErrors.totalBudgetExceeded(refusal.limit, order.holdMsat)
      return apiErrors.budgetExceeded(
        { msatPerDay: refusal.limit, owner: refusal.scope },
        order.holdMsat,
        refusal.retryAfterMs,
      )
  }
}
