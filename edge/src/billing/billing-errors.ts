import { ApiError } from '@infernet/openai-compat/api-error'
import { BILLING_RETRY_AFTER_MS } from '../limits.ts'

/** 503: nobody is there who could reach the Lightning node. */
export const settlerAway = (): ApiError =>
  new ApiError({
    status: 503,
    type: 'server_error',
    code: 'settler_unavailable',
    retryAfterMs: BILLING_RETRY_AFTER_MS,
    message:
      'Payments are not available at the moment: no settler is running. Nothing was ordered. Try again later.',
  })

/** 429: `limit` of them are open already. */
export const tooManyOpen = (what: 'top-ups' | 'withdrawals' | 'event streams', limit: number) =>
  new ApiError({
    status: 429,
    type: 'rate_limit_error',
    code: 'too_many_open_orders',
    retryAfterMs: BILLING_RETRY_AFTER_MS,
    message: `${limit} ${what} are open, which is as many as may be. Try again when one of them has ended.`,
  })

/** 402: the balance does not cover a withdrawal with its fee reserve (all in msat). */
export const withdrawalUncovered = (needed: bigint, feeReserve: bigint, available: bigint) =>
  new ApiError({
    status: 402,
    type: 'insufficient_quota',
    code: 'insufficient_credit',
    shouldRetry: false,
    message:
      `This withdrawal takes ${needed} msat, of which ${feeReserve} msat are kept for routing until it has ended, ` +
      `but ${available} msat are available: ${needed - available} msat (${(needed - available + 999n) / 1000n} sat) are missing. Withdraw less.`,
  })

/** 403: a key that may spend only so much a day may not take all there is. */
export const keyMayNotWithdraw = (): ApiError =>
  new ApiError({
    status: 403,
    type: 'invalid_request_error',
    code: 'key_may_not_withdraw',
    shouldRetry: false,
    message: 'This API key has a daily budget, so it may not withdraw. Use a key without one.',
  })
