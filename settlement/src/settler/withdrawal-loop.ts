import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { askRows, type Database } from '../db/database.ts'
import { ownerCode } from '../ledger/live-account.ts'
import { destinationSchema } from '../payout/payout-row.ts'
import type { PayoutDraft } from '../payout/payout-store.ts'
import type { AtStep } from './crash-at.ts'
import type { PayoutRunner } from './payout-runner.ts'
import { ROUND_MS, type WorkLoop } from './work-loop.ts'

const PAGE = 100

const rowsSchema = z.array(
  z.tuple([z.string(), z.string(), z.coerce.bigint(), z.coerce.bigint(), z.string()]),
)

export interface FundedWithdrawal {
  readonly id: string
  /** Of the live account. */
  readonly accountId: string
  readonly amountMsat: bigint
  readonly feeReserveMsat: bigint
  /** As it is in the row. */
  readonly destination: unknown
}

/** Withdrawals whose money the live balance has given, and that nobody has begun to pay; the oldest first. */
export async function fundedWithdrawals(
  db: Database,
  limit: number,
): Promise<readonly FundedWithdrawal[]> {
  const rows = await askRows(
    db,
    sql`
    select id, account_id, amount_msat, fee_reserve_msat, destination from withdrawals
    where begun_at is null and exists (
      select from account_transfers
      where reference = 'wd:' || withdrawals.id and account_transfers.state = 'done'
    )
    order by created_at, id limit ${limit}`,
  )
  return rowsSchema.parse(rows).map(([id, accountId, amountMsat, feeReserveMsat, destination]) => {
    return { id, accountId, amountMsat, feeReserveMsat, destination: JSON.parse(destination) }
  })
}

export interface WithdrawalLoopParts {
  readonly funded: (limit: number) => Promise<readonly FundedWithdrawal[]>
  readonly runner: PayoutRunner
  readonly at: AtStep
}

/**
 * Begins to pay withdrawals. The owner's transfer has taken amount and fee reserve, and the reserve is the
 * most that routing may cost.
 */
export const withdrawalLoop = ({ funded, runner, at }: WithdrawalLoopParts): WorkLoop => ({
  name: 'withdrawals',
  pauseMs: ROUND_MS,
  async page() {
    for (const row of await funded(PAGE + runner.troubled)) {
      if (!runner.mayStart(row.id)) continue
      at('withdrawal:starting')
      runner.start(row.id, () => withdrawalDraft(row))
    }
    return false
  },
})

/** Throws what zod throws for a destination that the edge should not have let in. */
const withdrawalDraft = (row: FundedWithdrawal): PayoutDraft => ({
  id: row.id,
  owner: ownerCode(row.accountId),
  amountMsat: row.amountMsat,
  feeReserveMsat: row.feeReserveMsat,
  feeLimitMsat: row.feeReserveMsat,
  destination: destinationSchema.parse(row.destination),
})
