import { ACCOUNT_OPERATIONS } from './account-operations.ts'
import { BILLING_OPERATIONS } from './billing-operations.ts'
import { INFERENCE_OPERATIONS } from './inference-operations.ts'
import { PRICED_JOB_OPERATIONS } from './priced-job-operations.ts'
import { L402_OPERATIONS } from './l402-operations.ts'
import { SLASH_OPERATIONS } from './slash-operations.ts'
import type { Operation } from './operation.ts'

/** Every public operation of the API, in the order readers meet them. */
export const OPERATIONS: readonly Operation[] = [
  ...INFERENCE_OPERATIONS,
  ...ACCOUNT_OPERATIONS,
  ...SLASH_OPERATIONS,
  ...PRICED_JOB_OPERATIONS,
  ...BILLING_OPERATIONS,
  ...L402_OPERATIONS,
]

/** Routes of the edge that are not for its clients, as Hono lists them. */
export const INTERNAL_ROUTES: readonly RegExp[] = [
  /^\/operator(\/|$)/,
  /^\/metrics$/,
  /^\/console(\/|$)/,
  // Providers ask them, with their own keys.
  /\/providers\/[^/]+\/(earnings|self-test)$/,
]
