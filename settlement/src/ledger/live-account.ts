import type { AccountCode, BundleCode, ClientCode } from './account-code.ts'

/** Before a bundle's payment hash in the name of its live account, which holds no colon. */
const BUNDLE = 'l402_'

/** The ledger's code of a live account: a client's, or a bundle's (`l402_<payment hash>`). */
export const ownerCode = (accountId: string): ClientCode | BundleCode =>
  accountId.startsWith(BUNDLE) ? `l402:${accountId.slice(BUNDLE.length)}` : `client:${accountId}`

/** The live account behind a code; undefined where a code has none. */
export function liveAccount(code: AccountCode): string | undefined {
  if (code.startsWith('client:')) return code.slice('client:'.length)
  return code.startsWith('l402:') ? BUNDLE + code.slice('l402:'.length) : undefined
}
