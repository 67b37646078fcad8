import { ApiError } from '@infernet/openai-compat/api-error'
import { BILLING_RETRY_AFTER_MS } from '../limits.ts'

/** 429: the account has `limit` jobs that are quoted, paid or running. */
export const tooManyJobs = (limit: number): ApiError =>
  new ApiError({
    status: 429,
    type: 'rate_limit_error',
    code: 'too_many_open_jobs',
    retryAfterMs: BILLING_RETRY_AFTER_MS,
    message: `${limit} jobs of your account are open, which is as many as may be. Cancel one, or try again when one has ended.`,
  })

/** 503: the Lightning node holds as many payments as its channels shall carry. */
export const jobsFull = (): ApiError =>
  new ApiError({
    status: 503,
    type: 'overloaded_error',
    code: 'too_many_held_payments',
    retryAfterMs: BILLING_RETRY_AFTER_MS,
    message: 'As many payments are held for jobs as may be. Try again later.',
  })

/** 409: there is nothing to cancel any more. */
export const jobIsOver = (id: string): ApiError =>
  new ApiError({
    status: 409,
    type: 'invalid_request_error',
    code: 'job_is_over',
    param: 'id',
    shouldRetry: false,
    message: `The job '${id}' has ended and cannot be cancelled.`,
  })

/** 403: who pays must be known, should its payment have to become credit. */
export const accountNeeded = (): ApiError =>
  new ApiError({
    status: 403,
    type: 'invalid_request_error',
    code: 'account_required',
    shouldRetry: false,
    message: 'Jobs of a fixed price need an API key of an account. It needs no credit.',
  })
