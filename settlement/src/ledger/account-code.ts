/**
 * Accounts of the journal and the rules of their kinds. An entry above zero is owed to the account's
 * holder (or is our own income), one below zero is had: all entries together are always zero.
 */
export type ClientCode = `client:${string}`
/** A bundle that was paid for without an account, by the hash of its invoice. */
export type BundleCode = `l402:${string}`
/** Earned, by peer id, and not yet released by the verification policy. */
export type PendingCode = `provider_pending:${string}`
/** Earned and payable, by peer id. */
export type ProviderCode = `provider:${string}`
/** Paid for a job that has a fixed price, by job. */
export type EscrowCode = `escrow:${string}`
/** Sent and not yet known to have arrived or failed, by payout attempt. */
export type InflightCode = `payout_inflight:${string}`

export type AccountCode =
  | ClientCode
  | BundleCode
  | PendingCode
  | ProviderCode
  | EscrowCode
  | InflightCode
  | 'suspense'
  | 'revenue:fee'
  /** What providers have lost by cheating, beyond what their clients got back. */
  | 'revenue:slash'
  | 'expense:routing'
  | 'asset:ln'
  | 'equity:operator'

export interface KindRules {
  /** Never below zero: it is somebody's money, and nobody has more than there is. */
  readonly mustCover: boolean
  /**
   * Its balance is kept in its row. Those that every job touches are entries only: one row that all
   * writers wait for made the journal three times slower.
   */
  readonly tracked: boolean
}

const OWED: KindRules = { mustCover: true, tracked: true }
const ENTRIES_ONLY: KindRules = { mustCover: false, tracked: false }

/** By what stands before the colon of a code. Postgres has the same table: `ledger_kind_rules`. */
export const ACCOUNT_KINDS = {
  client: OWED,
  l402: OWED,
  provider_pending: OWED,
  provider: OWED,
  escrow: OWED,
  payout_inflight: OWED,
  /** What nobody can explain yet, in either direction. */
  suspense: { mustCover: false, tracked: true },
  revenue: ENTRIES_ONLY,
  expense: ENTRIES_ONLY,
  /** Ours at the Lightning node: below zero, as all that is had. */
  asset: ENTRIES_ONLY,
  /** What the operator has put in (below zero) for its clients. */
  equity: ENTRIES_ONLY,
} as const satisfies Record<string, KindRules>

export type AccountKind = keyof typeof ACCOUNT_KINDS

export const kindOf = (code: AccountCode): AccountKind => {
  const colon = code.indexOf(':')
  return (colon < 0 ? code : code.slice(0, colon)) as AccountKind
}

export const rulesOf = (code: AccountCode): KindRules => ACCOUNT_KINDS[kindOf(code)]
