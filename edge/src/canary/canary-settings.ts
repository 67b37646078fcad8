import { isAccountId, type AccountId } from '@infernet/schemas/ids'

export interface CanarySettings {
  /** Whose credit pays for them: an account like any other. */
  readonly account: AccountId
  /** For each request that somebody is given, so many canaries; 0 to 1. */
  readonly share: number
}

export class CanarySettingsError extends Error {
  override readonly name = 'CanarySettingsError'
  readonly code = 'bad_canary_settings'
}

const DEFAULT_SHARE = 0.01

/**
 * What an operator has set; undefined without an account, and then there are none. Throws
 * {@link CanarySettingsError}.
 */
export function parseCanaries(account = '', share = ''): CanarySettings | undefined {
  const text = share.trim()
  const parsed = text === '' ? DEFAULT_SHARE : Number(text)
  if (!(parsed >= 0 && parsed <= 1))
    throw new CanarySettingsError('the share of canaries is a number from 0 to 1')
  const id = account.trim()
  if (id === '') return undefined
  if (!isAccountId(id)) throw new CanarySettingsError('canaries are paid by an account, acct_…')
  return { account: id, share: parsed }
}
