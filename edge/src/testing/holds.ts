import { newJobId, type AccountId, type ApiKeyId } from '@infernet/schemas/ids'
import type { HoldRequest } from '../ports.ts'
import { limitsOf } from './spend-limits.ts'

/** A hold of a fresh job that nothing limits, unless `fields` say so. */
export const holdOf = (accountId: AccountId, fields: Partial<HoldRequest> = {}): HoldRequest => ({
  accountId,
  apiKeyId: 'key' as ApiKeyId,
  job: newJobId(1),
  amountMsat: 0,
  tokens: 1,
  expiresAt: 5000,
  limits: limitsOf(),
  ...fields,
})
