import type { HoldRefusal, HoldRequest, SqlPort } from '../ports.ts'
import { NOTHING_SPENT, overBudget, spendOf, type Spend } from './spend.ts'
import { dayOf } from './utc-day.ts'

/**
 * What keys spend and hold, in SQLite, so that it outlives the process. Only keys with a budget or a
 * limit of open requests are counted: others cost no statement. `day` never goes back, whatever the
 * clock does.
 */
export class KeySpend {
  readonly #sql: SqlPort

  constructor(sql: SqlPort) {
    this.#sql = sql
  }

  read(accountId: string, apiKeyId: string, day: number): Spend {
    const [row] = this.#sql.exec(
      `select iif(day >= ?3, spent, 0) as spent, reserved, open_holds from key_spend where account = ?1 and api_key = ?2`,
      accountId,
      apiKeyId,
      day,
    )
    return row === undefined ? NOTHING_SPENT : spendOf(row)
  }

  /** Counts a hold, unless a limit of its key forbids it: then it returns false. */
  reserve(request: HoldRequest, day: number): boolean {
    const { accountId, apiKeyId, amountMsat } = request
    const { maxConcurrent, budgetMsatPerDay } = request.limits.key
    const counted = this.#sql.run(
      `update key_spend set reserved = reserved + ?3, open_holds = open_holds + 1
       where account = ?1 and api_key = ?2 and (?4 is null or open_holds < ?4)
         and (?6 is null or iif(day >= ?5, spent, 0) + reserved + ?3 <= ?6)`,
      accountId,
      apiKeyId,
      amountMsat,
      maxConcurrent,
      day,
      budgetMsatPerDay,
    )
    if (counted > 0 || (budgetMsatPerDay !== null && amountMsat > budgetMsatPerDay)) {
      return counted > 0
    }
    return (
      this.#sql.run(
        `insert into key_spend (account, api_key, day, spent, reserved, open_holds) values (?, ?, ?, 0, ?, 1)
         on conflict do nothing`,
        accountId,
        apiKeyId,
        day,
        amountMsat,
      ) > 0
    )
  }

  /** Why {@link KeySpend.reserve} said no. */
  whyNot(request: HoldRequest, now: number): HoldRefusal {
    const { accountId, apiKeyId, amountMsat } = request
    const { maxConcurrent, budgetMsatPerDay } = request.limits.key
    const { openHolds } = this.read(accountId, apiKeyId, dayOf(now))
    return maxConcurrent !== null && (openHolds >= maxConcurrent || budgetMsatPerDay === null)
      ? { reason: 'too_many_open', scope: 'key', limit: maxConcurrent }
      : overBudget('key', budgetMsatPerDay ?? 0, amountMsat, now)
  }

  settle(accountId: string, apiKeyId: string, amount: number, cost: number, day: number): void {
    this.#sql.run(
      `update key_spend set reserved = reserved - ?3, open_holds = open_holds - 1,
         spent = iif(day >= ?5, spent, 0) + ?4, day = max(day, ?5)
       where account = ?1 and api_key = ?2`,
      accountId,
      apiKeyId,
      amount,
      cost,
      day,
    )
  }

  /** Forgets keys that hold nothing and have spent nothing since `day` began. */
  forgetIdle(day: number): void {
    this.#sql.run(`delete from key_spend where open_holds = 0 and day < ?`, day)
  }
}
