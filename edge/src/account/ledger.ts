import type { JobRecord, LedgerEvent } from '@infernet/schemas/job-record'
import { msat } from '@infernet/schemas/money'
import { MAX_OUTBOX_EVENTS } from '../limits.ts'
import type { Balance, HoldRequest, HoldResult, SqlPort } from '../ports.ts'

/**
 * The live ledger of accounts: two-phase transfers in SQLite. A hold takes a job's maximum cost out
 * of `available`; settling captures the actual cost and gives the rest back. The row of a settled
 * hold is itself the outbox entry: it is deleted when Postgres has it.
 *
 * Invariant, kept by every statement and checked by `audit`: for each account, `available` + `reserved`
 * = deposits − captures, and `reserved` = Σ of its open holds.
 *
 * One instance serves one account on Cloudflare (its Durable Object) and all of them on Node.
 */
const SCHEMA = `
  create table if not exists account (
    id text primary key,
    available integer not null check (available >= 0),
    reserved integer not null check (reserved >= 0),
    open_holds integer not null check (open_holds >= 0)
  ) strict;
  create table if not exists hold (
    job text primary key,
    account text not null,
    amount integer not null check (amount >= 0),
    expires_at integer not null,
    record text
  ) strict;
  create table if not exists deposit (
    account text not null,
    reference text not null,
    amount integer not null check (amount > 0),
    at integer not null,
    flushed integer not null default 0,
    primary key (account, reference)
  ) strict;
`

export class LedgerError extends Error {
  override readonly name = 'LedgerError'
  readonly code: 'overcapture' | 'corrupt' | 'deposit_conflict'
  constructor(code: LedgerError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** Methods run inside a transaction of the caller ({@link SqlPort.transactionSync}), so that a host can group them. */
export class Ledger {
  readonly #sql: SqlPort
  /** Undefined while it has to be counted. */
  #outbox: number | undefined

  constructor(sql: SqlPort) {
    this.#sql = sql
    for (const statement of SCHEMA.split(';')) if (statement.trim() !== '') sql.exec(statement)
  }

  /** To be called when a transaction was rolled back: what it had added to the outbox is gone. */
  rolledBack(): void {
    this.#outbox = undefined
  }

  /** Settled events that Postgres does not have yet. */
  get outboxSize(): number {
    this.#outbox ??= this.#countOutbox()
    return this.#outbox
  }

  #countOutbox(): number {
    const [row] = this.#sql.exec(
      `select (select count(*) from hold where record is not null)
            + (select count(*) from deposit where flushed = 0) as n`,
    )
    return integer(row?.['n'])
  }

  #addToOutbox(events: number): void {
    if (this.#outbox !== undefined) this.#outbox += events
  }

  reserve(request: HoldRequest): HoldResult {
    const { accountId, job, maxOpenHolds } = request
    const amount = msat(request.amountMsat)
    if (this.outboxSize >= MAX_OUTBOX_EVENTS) return this.#refused(accountId, 'backlog')
    const inserted = this.#sql.exec(
      `insert into hold (job, account, amount, expires_at) values (?, ?, ?, ?) on conflict do nothing returning job`,
      job,
      accountId,
      amount,
      request.expiresAt,
    )
    if (inserted.length === 0)
      return { ok: true, availableMsat: this.balance(accountId).availableMsat }
    const [account] = this.#sql.exec(
      // An account that has never had credit may still hold nothing, for a model that is free.
      `insert into account (id, available, reserved, open_holds)
       select ?2, 0, 0, 1 where ?1 = 0 or exists (select 1 from account where id = ?2)
       on conflict (id) do update
       set available = available - ?1, reserved = reserved + ?1, open_holds = open_holds + 1
       where available >= ?1 and open_holds < ?3 returning available`,
      amount,
      accountId,
      maxOpenHolds,
    )
    if (account !== undefined) return { ok: true, availableMsat: integer(account['available']) }
    this.#sql.exec(`delete from hold where job = ?`, job)
    const crowded = this.balance(accountId).openHolds >= maxOpenHolds
    return this.#refused(accountId, crowded ? 'too_many_open' : 'insufficient_credit')
  }

  #refused(
    accountId: string,
    reason: 'insufficient_credit' | 'too_many_open' | 'backlog',
  ): HoldResult {
    return { ok: false, reason, availableMsat: this.balance(accountId).availableMsat }
  }

  /**
   * Captures `record.costMsat` from the job's hold and releases the rest. Returns false when the
   * job has no open hold (never held, or settled before). Throws {@link LedgerError} `overcapture`
   * when the cost is above the hold: no client pays more than it agreed to.
   */
  settle(record: JobRecord): boolean {
    const [hold] = this.#sql.exec(
      `update hold set record = ? where job = ? and account = ? and record is null returning amount`,
      JSON.stringify(record),
      record.id,
      record.accountId,
    )
    if (hold === undefined) return false
    const amount = integer(hold['amount'])
    const cost = msat(record.costMsat)
    if (cost > amount)
      throw new LedgerError(
        'overcapture',
        `job ${record.id} cost ${cost} of a hold of ${amount} msat`,
      )
    this.#sql.exec(
      `update account set available = available + ?, reserved = reserved - ?, open_holds = open_holds - 1 where id = ?`,
      amount - cost,
      amount,
      record.accountId,
    )
    this.#addToOutbox(1)
    return true
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
          `reference '${reference}' was used for ${known['amount']} msat`,
        )
      }
      return this.balance(accountId)
    }
    const { availableMsat, reservedMsat } = this.balance(accountId)
    msat(availableMsat + reservedMsat + amount)
    this.#sql.exec(
      `insert into account (id, available, reserved, open_holds) values (?1, ?2, 0, 0)
       on conflict (id) do update set available = available + ?2`,
      accountId,
      amount,
    )
    this.#sql.exec(
      `insert into deposit (account, reference, amount, at) values (?, ?, ?, ?)`,
      accountId,
      reference,
      amount,
      now,
    )
    this.#addToOutbox(1)
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

  /** Open holds past their time (or all, with `now` Infinity), oldest first. */
  expired(
    now: number,
    limit: number,
  ): { job: string; accountId: string; amountMsat: number; expiresAt: number }[] {
    const rows = this.#sql.exec(
      `select job, account, amount, expires_at from hold where record is null and expires_at < ? order by expires_at limit ?`,
      Math.min(now, Number.MAX_SAFE_INTEGER),
      limit,
    )
    return rows.map((row) => ({
      job: String(row['job']),
      accountId: String(row['account']),
      amountMsat: integer(row['amount']),
      expiresAt: integer(row['expires_at']),
    }))
  }

  /** When the next open hold expires, ms since the epoch. */
  nextExpiry(): number | undefined {
    const at = this.#sql.exec(`select min(expires_at) as at from hold where record is null`)[0]?.[
      'at'
    ]
    return typeof at === 'number' ? at : undefined
  }

  /** The oldest events that Postgres does not have yet. */
  outbox(limit: number): LedgerEvent[] {
    const deposits: LedgerEvent[] = this.#sql
      .exec(`select account, reference, amount, at from deposit where flushed = 0 limit ?`, limit)
      .map((row) => ({
        accountId: String(row['account']),
        idempotencyKey: `deposit:${row['reference']}`,
        amountMsat: integer(row['amount']),
        happenedAt: integer(row['at']),
        kind: 'deposit',
        job: null,
      }))
    const settled = this.#sql
      .exec(`select record from hold where record is not null limit ?`, limit - deposits.length)
      .map((row) => settledEvent(JSON.parse(String(row['record'])) as JobRecord))
    return [...deposits, ...settled]
  }

  /** Forgets events that Postgres has. */
  flushed(events: readonly LedgerEvent[]): void {
    const jobs: string[] = []
    for (const event of events) {
      if (event.kind !== 'deposit') jobs.push(event.job.id)
      else {
        const marked = this.#sql.exec(
          `update deposit set flushed = 1 where account = ? and reference = ? and flushed = 0 returning 1`,
          event.accountId,
          event.idempotencyKey.slice('deposit:'.length),
        )
        this.#addToOutbox(-marked.length)
      }
    }
    const deleted = this.#sql.exec(
      `delete from hold where record is not null and job in (select value from json_each(?)) returning 1`,
      JSON.stringify(jobs),
    )
    this.#addToOutbox(-deleted.length)
  }

  /** Throws {@link LedgerError} `corrupt` when an account's sums disagree. */
  audit(): void {
    const broken = this.#sql.exec(
      `select a.id from account a
       left join (select account, sum(amount) as amount, count(*) as n from hold where record is null group by account) h
         on h.account = a.id
       where a.reserved <> coalesce(h.amount, 0) or a.open_holds <> coalesce(h.n, 0)`,
    )
    if (broken.length > 0)
      throw new LedgerError('corrupt', `holds and balance disagree for ${broken[0]?.['id']}`)
  }
}

function settledEvent(record: JobRecord): LedgerEvent {
  return {
    accountId: record.accountId,
    idempotencyKey: `job:${record.id}`,
    amountMsat: record.costMsat,
    happenedAt: record.createdAt + record.totalMs,
    kind: record.costMsat > 0 ? 'capture' : 'release',
    job: record,
  }
}

function integer(value: unknown): number {
  if (!Number.isSafeInteger(value))
    throw new LedgerError('corrupt', `expected an integer, got ${String(value)}`)
  return value as number
}
