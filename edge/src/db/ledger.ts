import { and, desc, eq, inArray, lt, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { AccountId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import { entries, journal, ledgerAccounts, usage } from '@infernet/schemas/tables'
import type { AccountCode } from '@infernet/settlement/ledger/account-code'
import type { AccountCredits, TrialBalance } from '../ports.ts'
import { ask, askRows, type Database } from '@infernet/settlement/db/database'

/** Accounts that one trial balance names as drifted: one is already an alarm. */
const MAX_DRIFTED = 100
/** Lines of one page of a statement. */
export const MAX_STATEMENT_LINES = 200

const bigintText = z.coerce.bigint()
const trialSchema = z.array(z.tuple([z.string(), z.coerce.number().int(), bigintText]))
const driftSchema = z.array(z.tuple([z.string(), bigintText, bigintText]))

/** What accounts have, msat: the kept balance, or the sum of the entries. An unknown one has 0. */
export async function balancesOf(
  db: Database,
  codes: readonly AccountCode[],
): Promise<Map<AccountCode, bigint>> {
  if (codes.length === 0) return new Map()
  const rows = await ask(
    db
      .select({
        code: ledgerAccounts.code,
        balance: sql`case when ${ledgerAccounts.tracked} then ${ledgerAccounts.balance} else (
          select coalesce(sum(amount_msat), 0) from entries where account_id = ${ledgerAccounts.id}
        ) end`.mapWith(BigInt),
      })
      .from(ledgerAccounts)
      .where(inArray(ledgerAccounts.code, [...codes])),
  )
  const found = new Map(rows.map(({ code, balance }) => [code, balance]))
  return new Map(codes.map((code) => [code, found.get(code) ?? 0n]))
}

/**
 * All accounts by their kind, and whether the journal is sound: `sumMsat` must be 0 and `drifted`
 * empty. It reads every entry, in one snapshot for each of its two questions.
 */
export async function trialBalance(db: Database): Promise<TrialBalance> {
  const kinds = trialSchema.parse(
    await askRows(
      db,
      sql`
      select case when account.tracked then split_part(account.code, ':', 1) else coalesce(account.code, 'missing') end as kind,
        count(distinct account.id), sum(entry.amount_msat)
      from entries as entry
      left join ledger_accounts as account on account.id = entry.account_id
      group by 1 order by 1`,
    ),
  )
  const drifted = driftSchema.parse(
    await askRows(
      db,
      sql`
      select account.code, account.balance, coalesce(sum(entry.amount_msat), 0)
      from ledger_accounts as account
      left join entries as entry on entry.account_id = account.id
      where account.tracked
      group by account.id
      having account.balance <> coalesce(sum(entry.amount_msat), 0)
      order by account.code limit ${MAX_DRIFTED}`,
    ),
  )
  return {
    kinds: kinds.map(([kind, accounts, balanceMsat]) => ({ kind, accounts, balanceMsat })),
    sumMsat: kinds.reduce((sum, [, , balance]) => sum + balance, 0n),
    drifted: drifted.map(([account, balanceMsat, entriesMsat]) => ({
      account,
      balanceMsat,
      entriesMsat,
    })),
  }
}

/** One line of an account's statement. */
export interface StatementLine {
  /** The event's place in the journal; give the last one as `before` for the next page. */
  readonly id: bigint
  readonly key: string
  readonly kind: string
  readonly at: Date
  readonly amountMsat: bigint
}

/** What moved an account, the latest first: at most {@link MAX_STATEMENT_LINES} lines. */
export function statementOf(
  db: Database,
  code: AccountCode,
  page: { readonly before?: bigint; readonly limit?: number } = {},
): Promise<StatementLine[]> {
  const { before, limit = MAX_STATEMENT_LINES } = page
  return ask(
    db
      .select({
        id: journal.id,
        key: journal.key,
        kind: journal.kind,
        at: journal.at,
        amountMsat: entries.amountMsat,
      })
      .from(ledgerAccounts)
      .innerJoin(entries, eq(entries.accountId, ledgerAccounts.id))
      .innerJoin(journal, eq(journal.id, entries.journalId))
      .where(
        and(
          eq(ledgerAccounts.code, code),
          before === undefined ? undefined : lt(entries.journalId, before),
        ),
      )
      .orderBy(desc(entries.journalId))
      .limit(Math.min(limit, MAX_STATEMENT_LINES)),
  )
}

/** What a provider has earned and not been paid: still to be released, and payable. */
export async function providerEarnings(
  db: Database,
  peer: PeerId,
): Promise<{ readonly pendingMsat: bigint; readonly payableMsat: bigint }> {
  const [pending, payable] = [`provider_pending:${peer}`, `provider:${peer}`] as const
  const balances = await balancesOf(db, [pending, payable])
  return { pendingMsat: balances.get(pending) ?? 0n, payableMsat: balances.get(payable) ?? 0n }
}

/**
 * What a client or a bundle has bought (and not taken out again) and used. Credits less usage are its balance, so
 * that one statement answers for both.
 */
export async function creditsOf(db: Database, accountId: AccountId): Promise<AccountCredits> {
  const [row] = await ask(
    db
      .select({
        used: sql`coalesce(sum(${usage.costMsat}), 0)`.mapWith(Number),
        left: sql`coalesce((
          select balance from ledger_accounts where code = owner_code(${accountId})
        ), 0)`.mapWith(Number),
      })
      .from(usage)
      .where(eq(usage.accountId, accountId)),
  )
  const { used, left } = row ?? { used: 0, left: 0 }
  return { totalMsat: used + left, usedMsat: used }
}
