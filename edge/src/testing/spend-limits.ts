import { UNLIMITED, type Limits, type SpendLimits } from '../ports.ts'

/** What the table gives a new account. */
export const ACCOUNT_DEFAULTS: SpendLimits = Object.freeze({ ...UNLIMITED, maxConcurrent: 64 })

/** Limits that are only those named. */
export const limitsOf = (
  key: Partial<SpendLimits> = {},
  account: Partial<SpendLimits> = {},
): Limits => ({ key: { ...UNLIMITED, ...key }, account: { ...UNLIMITED, ...account } })
