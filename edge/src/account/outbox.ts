import type { LedgerBatch, LedgerDeposit } from '@infernet/schemas/job-record'
import type { SqlPort } from '../ports.ts'
import { integer } from './ledger-error.ts'

/** Events for Postgres, and the settled jobs by whose ids they are forgotten. */
export interface OutboxBatch extends LedgerBatch {
  readonly jobs: readonly string[]
}

/** Settled holds and deposits that Postgres does not have yet. Records stay the text they were stored as. */
export class Outbox {
  readonly #sql: SqlPort
  /** Undefined while it has to be counted. */
  #size: number | undefined

  constructor(sql: SqlPort) {
    this.#sql = sql
  }

  get size(): number {
    this.#size ??= this.#count()
    return this.#size
  }

  #count(): number {
    const [row] = this.#sql.exec(
      `select (select count(*) from hold where record is not null)
            + (select count(*) from deposit where flushed = 0) as n`,
    )
    return integer(row?.['n'])
  }

  /** The ledger has added so many events (or has forgotten them, below zero). */
  grew(events: number): void {
    if (this.#size !== undefined) this.#size += events
  }

  /** A transaction was rolled back: what it had added is gone. */
  rolledBack(): void {
    this.#size = undefined
  }

  /** The oldest events, of all accounts or of one; undefined when there are none. */
  read(limit: number, account: string | null = null): OutboxBatch | undefined {
    if (this.size === 0) return undefined
    const deposits: LedgerDeposit[] = this.#sql
      .exec(
        `select account, reference, amount, at from deposit
         where flushed = 0 and (?2 is null or account = ?2) limit ?1`,
        limit,
        account,
      )
      .map((row) => ({
        accountId: String(row['account']),
        reference: String(row['reference']),
        amountMsat: integer(row['amount']),
        at: integer(row['at']),
      }))
    const jobs: string[] = []
    const records: string[] = []
    const settled = this.#sql.exec(
      `select job, record from hold where record is not null and (?2 is null or account = ?2) limit ?1`,
      limit - deposits.length,
      account,
    )
    for (const row of settled) {
      jobs.push(String(row['job']))
      records.push(String(row['record']))
    }
    if (deposits.length + jobs.length > 0) return { deposits, jobs, records }
    // Somebody else has taken them: the count is wrong, and asking again would go on for ever.
    if (account === null) this.#size = undefined
    return undefined
  }

  /** Whose events there are. */
  accounts(): string[] {
    return this.#sql
      .exec(
        `select account from hold where record is not null
         union select account from deposit where flushed = 0`,
      )
      .map((row) => String(row['account']))
  }

  /** Forgets events that Postgres has. */
  flushed(batch: OutboxBatch): void {
    let forgotten = 0
    for (const { accountId, reference } of batch.deposits) {
      forgotten += this.#sql.run(
        `update deposit set flushed = 1 where account = ? and reference = ? and flushed = 0`,
        accountId,
        reference,
      )
    }
    if (batch.jobs.length > 0) {
      forgotten += this.#sql.run(
        `delete from hold where record is not null and job in (select value from json_each(?))`,
        JSON.stringify(batch.jobs),
      )
    }
    this.grew(-forgotten)
  }
}
