import type { HoldRefusal, SqlRow } from '../ports.ts'
import { integer } from './ledger-error.ts'
import { msToNextDay } from './utc-day.ts'

/** What a key or an account has captured today and holds now, in msat. */
export interface Spend {
  readonly spent: number
  readonly reserved: number
  readonly openHolds: number
}

export const NOTHING_SPENT: Spend = Object.freeze({ spent: 0, reserved: 0, openHolds: 0 })

export const spendOf = (row: SqlRow): Spend => ({
  spent: integer(row['spent']),
  reserved: integer(row['reserved']),
  openHolds: integer(row['open_holds']),
})

/** A hold of `amount` msat that does not fit into today's budget; tomorrow it may. */
export function overBudget(
  scope: 'key' | 'account',
  budget: number,
  amount: number,
  now: number,
): HoldRefusal {
  const refusal = { reason: 'budget', scope, limit: budget } as const
  return amount > budget ? refusal : { ...refusal, retryAfterMs: msToNextDay(now) }
}
