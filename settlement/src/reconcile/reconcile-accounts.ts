import type { Database } from '../db/database.ts'
import type { AccountCode } from '../ledger/account-code.ts'
import { liveAccount } from '../ledger/live-account.ts'
import { compareLive, type BooksOfAccount, type Look } from './compare-live.ts'
import type { Finding } from './finding.ts'
import { booksOfAccounts, liveCodes } from './live-facts.ts'

/** Accounts that are asked for together, and then compared. */
const ACCOUNTS_PER_PAGE = 64
/** Requests to the edge at a time. */
const MAX_CONCURRENT = 8
/** Looks at one account before it counts as moving too much. */
const MAX_LOOKS = 6
/** Between two looks: long enough for an outbox that is being written. */
const PAUSE_MS = 500

/** The live balances of the edge. */
export interface LiveBalances {
  /**
   * Available and reserved together, msat, after the edge has written to Postgres what the account had
   * still to write.
   */
  balanceOf(accountId: string, signal: AbortSignal): Promise<bigint>
}

export interface AccountsOptions {
  /** Compares so many at most. */
  readonly limit: number
  sleep(ms: number, signal: AbortSignal): Promise<void>
  readonly signal: AbortSignal
}

/** Compares the live balance of every account of the journal that has one. Throws what either side does. */
export async function reconcileAccounts(
  db: Database,
  live: LiveBalances,
  options: AccountsOptions,
): Promise<{ findings: Finding[]; accounts: number }> {
  const findings: Finding[] = []
  let [accounts, after] = [0, 0n]
  while (accounts < options.limit) {
    const wanted = Math.min(ACCOUNTS_PER_PAGE, options.limit - accounts)
    const { codes, last } = await liveCodes(db, after, wanted)
    if (codes.length === 0) break
    findings.push(...(await comparePage(db, live, codes, options)))
    accounts += codes.length
    after = last
  }
  return { findings, accounts }
}

async function comparePage(
  db: Database,
  live: LiveBalances,
  codes: readonly string[],
  { sleep, signal }: AccountsOptions,
): Promise<Finding[]> {
  const findings: Finding[] = []
  const looks = new Map<string, Look[]>(codes.map((code) => [code, []]))
  for (let round = 0; looks.size > 0 && round < MAX_LOOKS; round++) {
    if (round > 0) await sleep(PAUSE_MS, signal)
    signal.throwIfAborted()
    for (const [code, look] of await lookAt(db, live, [...looks.keys()], signal)) {
      const all = [...(looks.get(code) ?? []), look]
      const verdict = compareLive(all)
      if (verdict === 'look_again') looks.set(code, all)
      else looks.delete(code)
      if (typeof verdict === 'object') findings.push(verdict)
    }
  }
  return [...findings, ...[...looks].flatMap(([, all]) => all.slice(-1).map(movingOf))]
}

async function lookAt(
  db: Database,
  live: LiveBalances,
  codes: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, Look>> {
  const before = byCode(await booksOfAccounts(db, codes))
  const balances = await eachOf(codes, (code) => live.balanceOf(accountOf(code), signal))
  const after = byCode(await booksOfAccounts(db, codes))
  const looks = new Map<string, Look>()
  for (const [code, liveMsat] of balances) {
    const [first, last] = [before.get(code), after.get(code)]
    if (first !== undefined && last !== undefined)
      looks.set(code, { before: first, liveMsat, after: last })
  }
  return looks
}

const byCode = (books: readonly BooksOfAccount[]): Map<string, BooksOfAccount> =>
  new Map(books.map((one) => [one.code, one]))

/** The database names only codes that have a live account. */
const accountOf = (code: string): string => liveAccount(code as AccountCode) ?? code

/** Runs `ask` for all, {@link MAX_CONCURRENT} at a time. */
async function eachOf<T>(
  codes: readonly string[],
  ask: (code: string) => Promise<T>,
): Promise<Map<string, T>> {
  const results = new Map<string, T>()
  const left = [...codes]
  const worker = async (): Promise<void> => {
    for (let code = left.pop(); code !== undefined; code = left.pop())
      results.set(code, await ask(code))
  }
  await Promise.all(Array.from({ length: MAX_CONCURRENT }, worker))
  return results
}

const movingOf = ({ after, liveMsat }: Look): Finding => ({
  kind: 'live_moving',
  account: after.code,
  reference: '',
  expectedMsat: after.balanceMsat,
  actualMsat: liveMsat,
})
