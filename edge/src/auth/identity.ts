import type { AccountId, ApiKeyId } from '@infernet/schemas/ids'
import type { PaidToken } from '@infernet/settlement/l402/credential'
import type { Limits } from '../ports.ts'

/** Whom a request acts for, and how much. One frozen object per cached key. */
export interface Identity {
  readonly accountId: AccountId
  readonly apiKeyId: ApiKeyId
  readonly limits: Limits
  /** Of a client without an account, who has paid for a bundle. */
  readonly bundle?: PaidToken
}
