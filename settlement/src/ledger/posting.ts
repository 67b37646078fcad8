import type { AccountCode } from './account-code.ts'

/** What an account changes by, in msat; never zero. */
export interface Entry {
  readonly account: AccountCode
  readonly amount: bigint
}

export type PostingKind =
  | 'topup'
  | 'grant'
  | 'capture'
  | 'verdict_ok'
  | 'verdict_bad'
  | 'verdict_forfeited'
  | 'slash_lifted'
  | 'payout_start'
  | 'payout_ok'
  | 'payout_failed'
  | 'escrow'
  | 'escrow_paid'
  | 'escrow_refunded'
  | 'suspense'

/** One event in the journal: entries that sum to zero, posted once for its key. */
export interface Posting {
  readonly key: string
  readonly kind: PostingKind
  /** One per account. */
  readonly entries: readonly Entry[]
}

export class PostingError extends Error {
  override readonly name = 'PostingError'
  readonly code: 'unbalanced' | 'bad_amount' | 'uncovered'

  constructor(code: PostingError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/**
 * A posting of these movements: those of one account are summed, and what comes to nothing is left
 * out. Throws {@link PostingError} `unbalanced` when they do not sum to zero, or nothing moves.
 */
export function posting(
  key: string,
  kind: PostingKind,
  movements: readonly (readonly [account: AccountCode, amount: bigint])[],
): Posting {
  const sums = new Map<AccountCode, bigint>()
  for (const [account, amount] of movements) {
    sums.set(account, (sums.get(account) ?? 0n) + amount)
  }
  const entries = [...sums]
    .filter(([, amount]) => amount !== 0n)
    .map(([account, amount]) => ({ account, amount }))
  const sum = entries.reduce((total, { amount }) => total + amount, 0n)
  if (sum !== 0n || entries.length === 0) {
    throw new PostingError('unbalanced', `${key}: ${entries.length} entries sum to ${sum} msat`)
  }
  return { key, kind, entries }
}

/** Asserts an amount above zero. Throws {@link PostingError} `bad_amount`. */
export function positive(amount: bigint, what: string): bigint {
  if (amount <= 0n) throw new PostingError('bad_amount', `${what} must be above 0, not ${amount}`)
  return amount
}

/** Asserts an amount of zero or more. Throws {@link PostingError} `bad_amount`. */
export function notNegative(amount: bigint, what: string): bigint {
  if (amount < 0n) throw new PostingError('bad_amount', `${what} must not be below 0: ${amount}`)
  return amount
}
