import { isAccountId, type AccountId } from '@infernet/schemas/ids'

export interface CanarySettings {
  /** Whose credit pays for them: an account like any other. */
  readonly account: AccountId
  /** For each request that somebody is given, so many canaries; 0 to 1. */
  readonly share: number
  /** Of providers whom nothing speaks against, so many are challenged a day, 0 to 1; 0: nobody is, whoever. */
  readonly challenges: number
  /** The longest pause before a round of theirs, ms; absent: as documented. */
  readonly challengePauseMs?: number | undefined
}

export class CanarySettingsError extends Error {
  override readonly name = 'CanarySettingsError'
  readonly code = 'bad_canary_settings'
}

const DEFAULT_SHARE = 0.01
const DEFAULT_CHALLENGES = 0.1

/**
 * What an operator has set; undefined without an account, and then there are none. Throws
 * {@link CanarySettingsError}.
 */
export function parseCanaries(
  account = '',
  share = '',
  challenges = '',
): CanarySettings | undefined {
  const shares = {
    share: shareIn(share, DEFAULT_SHARE, 'the share of canaries'),
    challenges: shareIn(challenges, DEFAULT_CHALLENGES, 'the share of challenges'),
  }
  const id = account.trim()
  if (id === '') return undefined
  if (!isAccountId(id)) throw new CanarySettingsError('canaries are paid by an account, acct_…')
  return { account: id, ...shares }
}

function shareIn(text: string, preset: number, name: string): number {
  const share = text.trim() === '' ? preset : Number(text)
  if (!(share >= 0 && share <= 1)) throw new CanarySettingsError(`${name} is a number from 0 to 1`)
  return share
}
