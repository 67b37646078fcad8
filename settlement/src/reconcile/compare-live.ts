import type { Finding } from './finding.ts'

/** One live balance as Postgres has it, msat. */
export interface BooksOfAccount {
  /** The ledger's code. */
  readonly code: string
  readonly balanceMsat: bigint
  /** Posted, and its live balance is still to be told. */
  readonly untoldMsat: bigint
  /** Taken from the live balance, and its payout not yet opened; zero or below. */
  readonly aheadMsat: bigint
  /** Ordered withdrawals that may have been taken already, zero or below. */
  readonly askedMsat: bigint
}

/**
 * What the live balance must be. A transfer whose outcome is not written down yet may have happened or not,
 * so that there can be several.
 */
function allowedOf(books: BooksOfAccount): bigint[] {
  const untold = books.balanceMsat - books.untoldMsat + books.aheadMsat
  return [0n, books.untoldMsat].flatMap((told) =>
    [0n, books.askedMsat].map((taken) => untold + told + taken),
  )
}

const same = (a: BooksOfAccount, b: BooksOfAccount): boolean =>
  a.balanceMsat === b.balanceMsat &&
  a.untoldMsat === b.untoldMsat &&
  a.aheadMsat === b.aheadMsat &&
  a.askedMsat === b.askedMsat

/** One look at an account: Postgres, then the live balance (available and reserved), then Postgres again. */
export interface Look {
  readonly before: BooksOfAccount
  readonly liveMsat: bigint
  readonly after: BooksOfAccount
}

/**
 * `agrees` when the live balance fits Postgres before or after; `differs` when it fits neither and
 * Postgres stood still; `moves` when nothing can be said.
 */
export function judgeLook({ before, liveMsat, after }: Look): 'agrees' | 'differs' | 'moves' {
  if ([before, after].some((books) => allowedOf(books).includes(liveMsat))) return 'agrees'
  return same(before, after) ? 'differs' : 'moves'
}

/** What several looks at one account say, the last of them last: two that differ in a row are drift. */
export function compareLive(looks: readonly Look[]): Finding | 'agrees' | 'look_again' {
  const last = looks.at(-1)
  if (last === undefined) return 'look_again'
  const verdict = judgeLook(last)
  if (verdict === 'agrees') return 'agrees'
  const previous = looks.at(-2)
  const twice = verdict === 'differs' && previous !== undefined && judgeLook(previous) === 'differs'
  if (!twice) return 'look_again'
  return {
    kind: 'live_balance',
    account: last.after.code,
    reference: '',
    expectedMsat: last.after.balanceMsat - last.after.untoldMsat + last.after.aheadMsat,
    actualMsat: last.liveMsat,
  }
}
