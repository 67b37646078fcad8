import type { JobRecord } from '@infernet/schemas/job-record'
import { msat } from '@infernet/schemas/money'
import { MAX_OUTBOX_EVENTS } from '../limits.ts'
import type { Balance, HoldRefusal, HoldRequest, SpendLimits, SqlPort } from '../ports.ts'
import { KeySpend } from './key-spend.ts'
import { integer, LedgerError } from './ledger-error.ts'
import type { Outbox } from './outbox.ts'
import { NOTHING_SPENT, overBudget, spendOf, type Spend } from './spend.ts'
import { dayOf } from './utc-day.ts'

const UNLIMITED = Number.MAX_SAFE_INTEGER

/** What else a hold concerns: a key whose spending is counted, a request that may be repeated. */
export interface HoldTags {
  readonly apiKey: string | null
  readonly once: string | null
}
const NO_TAGS: HoldTags = Object.freeze({ apiKey: null, once: null })

/** `held` moved money; `again` says that the job had its hold before. */
export type Held = 'held' | 'again' | HoldRefusal

/**
 * The live ledger of accounts: two-phase transfers in SQLite. A hold takes a job's maximum cost out
 * of `available`; settling captures the actual cost and gives the rest back. The row of a settled
 * hold is itself the outbox entry: it is deleted when Postgres has it.
 *
 * Invariants, kept by every statement and checked by `auditLedger`: for each account, `available` +
 * `reserved` = deposits + transfers − captures, and `reserved` = Σ of its open holds; for each key whose spending
 * is limited, `reserved` likewise. A day's captures never exceed that day's budget: what is spent
 * counts for the day of its capture, and what is held counts for every day.
 *
 * One instance serves one account on Cloudflare (its Durable Object) and all of them on Node.
 * Methods run inside a transaction of the caller, so that a host can group them.
 */
export class Ledger {
  readonly #sql: SqlPort
  readonly #outbox: Outbox
  readonly #keys: KeySpend
  /** Of open holds that have any: they save a read at the end, and are read where they are missing. */
  readonly #tags = new Map<string, HoldTags>()

  /** `outbox` hears of every event that this ledger adds to it. */
  constructor(sql: SqlPort, outbox: Outbox) {
    this.#sql = sql
    this.#outbox = outbox
    this.#keys = new KeySpend(sql)
  }

  /** A transaction was rolled back. */
  rolledBack(): void {
    this.#tags.clear()
  }

  /** Holds a job's maximum cost, once. `now` in ms since the epoch. */
  reserve(request: HoldRequest, now: number): Held {
    const { accountId, apiKeyId, job, expiresAt, once = null } = request
    const amount = msat(request.amountMsat)
    if (this.#outbox.size >= MAX_OUTBOX_EVENTS) return { reason: 'backlog' }
    const apiKey = isCounted(request.limits.key) ? apiKeyId : null
    const inserted = this.#sql.run(
      `insert into hold (job, account, amount, expires_at, api_key, once) values (?, ?, ?, ?, ?, ?) on conflict do nothing`,
      job,
      accountId,
      amount,
      expiresAt,
      apiKey,
      once,
    )
    if (inserted === 0) return 'again'
    const { totalBudgetMsat } = request
    if (totalBudgetMsat !== undefined && !this.#isWithin(request, totalBudgetMsat)) {
      this.#forget(job)
      return { reason: 'budget', scope: 'key', limit: totalBudgetMsat, total: true }
    }
    if (!this.#moveToReserved(request, amount, dayOf(now))) {
      this.#forget(job)
      return this.#whyNot(request, now)
    }
    if (apiKey !== null && !this.#keys.reserve(request, dayOf(now))) {
      this.#forget(job)
      this.#moveFromReserved(accountId, amount, 0, dayOf(now))
      return this.#keys.whyNot(request, now)
    }
    if (apiKey !== null || once !== null) this.#tags.set(job, { apiKey, once })
    return 'held'
  }

  /**
   * Whether all that the account has spent and holds, with this hold, is at most `budget`: what was ever
   * put in, less what was taken out again, less what is available.
   */
  #isWithin({ accountId, amountMsat }: HoldRequest, budget: number): boolean {
    const [row] = this.#sql.exec(
      `select (select coalesce(sum(amount), 0) from deposit where account = ?1)
            + (select coalesce(sum(amount), 0) from transfer where account = ?1 and outcome = 'done')
            - (select coalesce(sum(available), 0) from account where id = ?1) as spent`,
      accountId,
    )
    return integer(row?.['spent']) + amountMsat <= budget
  }

  #forget(job: string): void {
    this.#sql.run(`delete from hold where job = ?`, job)
  }

  #moveToReserved(request: HoldRequest, amount: number, day: number): boolean {
    const { maxConcurrent, budgetMsatPerDay } = request.limits.account
    const moved = this.#sql.run(
      `update account set available = available - ?1, reserved = reserved + ?1, open_holds = open_holds + 1
       where id = ?2 and available >= ?1 and open_holds < ?3
         and (?5 is null or iif(day >= ?4, spent, 0) + reserved + ?1 <= ?5)`,
      amount,
      request.accountId,
      maxConcurrent ?? UNLIMITED,
      day,
      budgetMsatPerDay,
    )
    if (moved > 0 || amount > 0) return moved > 0
    // An account that has never had credit may still hold nothing, for a model that is free.
    return (
      this.#sql.run(
        `insert into account (id, available, reserved, open_holds) values (?, 0, 0, 1) on conflict do nothing`,
        request.accountId,
      ) > 0
    )
  }

  #whyNot(request: HoldRequest, now: number): HoldRefusal {
    const { maxConcurrent, budgetMsatPerDay } = request.limits.account
    const { availableMsat, openHolds } = this.balance(request.accountId)
    if (maxConcurrent !== null && openHolds >= maxConcurrent) {
      return { reason: 'too_many_open', scope: 'account', limit: maxConcurrent }
    }
    if (budgetMsatPerDay === null || availableMsat < request.amountMsat) {
      return { reason: 'insufficient_credit', availableMsat }
    }
    return overBudget('account', budgetMsatPerDay, request.amountMsat, now)
  }

  /**
   * Captures `record.costMsat` from the job's hold and releases the rest; `now` in ms since the
   * epoch says on which day. Returns the hold's tags, or undefined when the job has no open hold
   * (never held, or settled before). Throws {@link LedgerError} `overcapture` when the cost is above
   * the hold: no client pays more than it agreed to.
   */
  settle(record: JobRecord, now: number): HoldTags | undefined {
    const { id, accountId, holdMsat } = record
    const cost = msat(record.costMsat)
    const text = JSON.stringify(record)
    const tags = this.#tags.get(id) ?? NO_TAGS
    this.#tags.delete(id)
    const asExpected =
      cost <= holdMsat &&
      this.#sql.run(
        `update hold set record = ? where job = ? and account = ? and amount = ?
           and api_key is ? and once is ? and record is null`,
        text,
        id,
        accountId,
        holdMsat,
        tags.apiKey,
        tags.once,
      ) > 0
    if (asExpected) return this.#settled(record, holdMsat, tags, now)
    const [hold] = this.#sql.exec(
      `select amount, api_key, once from hold where job = ? and account = ? and record is null`,
      id,
      accountId,
    )
    if (hold === undefined) return undefined
    const amount = integer(hold['amount'])
    if (cost > amount) {
      throw new LedgerError('overcapture', `job ${id} cost ${cost} of a hold of ${amount} msat`)
    }
    this.#sql.run(`update hold set record = ? where job = ?`, text, id)
    const { api_key: apiKey, once } = hold
    return this.#settled(
      record,
      amount,
      { apiKey: textOrNull(apiKey), once: textOrNull(once) },
      now,
    )
  }

  #settled(record: JobRecord, amount: number, tags: HoldTags, now: number): HoldTags {
    const { accountId, costMsat } = record
    const day = dayOf(now)
    this.#moveFromReserved(accountId, amount, costMsat, day)
    if (tags.apiKey !== null) this.#keys.settle(accountId, tags.apiKey, amount, costMsat, day)
    this.#outbox.grew(1)
    return tags
  }

  #moveFromReserved(accountId: string, amount: number, cost: number, day: number): void {
    this.#sql.run(
      `update account set available = available + ?1, reserved = reserved - ?2, open_holds = open_holds - 1,
         spent = iif(day >= ?4, spent, 0) + ?3, day = max(day, ?4) where id = ?5`,
      amount - cost,
      amount,
      cost,
      day,
      accountId,
    )
  }

  /**
   * Adds credit once per reference. The same reference with another amount throws
   * `deposit_conflict`; a balance that would outgrow exact arithmetic throws MoneyError.
   */
  deposit(accountId: string, reference: string, amountMsat: number, now: number): Balance {
    const amount = msat(amountMsat)
    const [known] = this.#sql.exec(
      `select amount from deposit where account = ? and reference = ?`,
      accountId,
      reference,
    )
    if (known !== undefined) {
      if (known['amount'] !== amount) {
        throw new LedgerError(
          'deposit_conflict',
          `reference '${reference}' was used for ${integer(known['amount'])} msat`,
        )
      }
      return this.balance(accountId)
    }
    const { availableMsat, reservedMsat } = this.balance(accountId)
    msat(availableMsat + reservedMsat + amount)
    this.#sql.run(
      `insert into account (id, available, reserved, open_holds) values (?1, ?2, 0, 0)
       on conflict (id) do update set available = available + ?2`,
      accountId,
      amount,
    )
    this.#sql.run(
      `insert into deposit (account, reference, amount, at) values (?, ?, ?, ?)`,
      accountId,
      reference,
      amount,
      now,
    )
    this.#outbox.grew(1)
    return this.balance(accountId)
  }

  balance(accountId: string): Balance {
    const [row] = this.#sql.exec(
      `select available, reserved, open_holds from account where id = ?`,
      accountId,
    )
    if (row === undefined) return { availableMsat: 0, reservedMsat: 0, openHolds: 0 }
    return {
      availableMsat: integer(row['available']),
      reservedMsat: integer(row['reserved']),
      openHolds: integer(row['open_holds']),
    }
  }

  /** What an account has spent today and holds now. */
  accountSpend(accountId: string, now: number): Spend {
    const [row] = this.#sql.exec(
      `select iif(day >= ?2, spent, 0) as spent, reserved, open_holds from account where id = ?1`,
      accountId,
      dayOf(now),
    )
    return row === undefined ? NOTHING_SPENT : spendOf(row)
  }

  /** The same of a key; undefined when nothing limits its spending, so that nobody counts it. */
  keySpend(
    accountId: string,
    apiKeyId: string,
    limits: SpendLimits,
    now: number,
  ): Spend | undefined {
    return isCounted(limits) ? this.#keys.read(accountId, apiKeyId, dayOf(now)) : undefined
  }

  /** Forgets keys that hold nothing and have spent nothing since midnight. */
  forgetIdleKeys(now: number): void {
    this.#keys.forgetIdle(dayOf(now))
  }
}

const isCounted = (limits: SpendLimits): boolean =>
  limits.maxConcurrent !== null || limits.budgetMsatPerDay !== null

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null)
