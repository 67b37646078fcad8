import type { AccountId, ApiKeyId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import { DbError } from '@infernet/settlement/db/db-port'
import { OUTBOX_BATCH } from '../limits.ts'
import type {
  Balance,
  HoldRequest,
  HoldResult,
  KeyUsage,
  Limits,
  OnceEnd,
  OnceRequest,
  OnceState,
  SqlPort,
  StorePort,
  TransferOutcome,
} from '../ports.ts'
import { auditLedger } from './audit.ts'
import { expiredHolds, expiredRecord, nextExpiry } from './expiry.ts'
import { Ledger } from './ledger.ts'
import { OnceLog, onceName } from './once-log.ts'
import { OnceWaiters, type Later } from './once-waiters.ts'
import { Outbox } from './outbox.ts'
import { isRated, RateLimits } from './rate-limits.ts'
import { migrate } from './schema.ts'
import { scopeUsage } from './scope-usage.ts'
import { Transfers } from './transfers.ts'
import { dayOf } from './utc-day.ts'

/** Kept answers deleted at a time: some 3 ms of SQLite. */
const SWEEP_BATCH = 250
const HELD: HoldResult = Object.freeze({ ok: true })

/**
 * All that an account object knows: money, limits, answers kept for repetition. Hosts own time,
 * timers and the grouping of calls into transactions. Every method that changes something runs inside
 * {@link AccountBook.transaction}, several of them in one if the host likes.
 */
export class AccountBook {
  readonly #sql: SqlPort
  readonly #now: () => number
  readonly #outbox: Outbox
  readonly #ledger: Ledger
  readonly #transfers: Transfers
  readonly #rates = new RateLimits()
  readonly #once: OnceLog
  readonly #waiters: OnceWaiters
  /** Requests that ended in the transaction under way. */
  #ended: string[] = []
  readonly #afterCommit: (task: () => void) => void
  /** Idle keys are forgotten once a day. */
  #tidiedDay: number | undefined

  /** `afterCommit` is for a host whose transactions are parts of a larger one: it runs a task when that is committed. */
  constructor(options: {
    sql: SqlPort
    now: () => number
    later: Later
    afterCommit?: (task: () => void) => void
  }) {
    this.#sql = options.sql
    this.#afterCommit = options.afterCommit ?? ((task) => task())
    this.#now = options.now
    migrate(options.sql)
    this.#outbox = new Outbox(options.sql)
    this.#ledger = new Ledger(options.sql, this.#outbox)
    this.#transfers = new Transfers(options.sql)
    this.#once = new OnceLog(options.sql)
    this.#waiters = new OnceWaiters(options.later)
  }

  /** Does all of `body` or nothing of it; what waits for it hears after the commit. */
  transaction<T>(body: () => T): T {
    let result: T
    try {
      result = this.#sql.transactionSync(body)
    } catch (error) {
      this.#rates.rolledBack()
      this.rolledBack()
      throw error
    }
    this.#rates.committed()
    if (this.#ended.length > 0) this.#wakeEnded()
    return result
  }

  /** What SQLite has undone is read from it again. Rate limits keep what they have counted. */
  rolledBack(): void {
    this.#outbox.rolledBack()
    this.#ledger.rolledBack()
    this.#ended = []
  }

  #wakeEnded(): void {
    const ended = this.#ended
    this.#ended = []
    this.#afterCommit(() => {
      for (const name of ended) this.#waiters.wake(name)
    })
  }

  reserve(request: HoldRequest): HoldResult {
    const { limits } = request
    const now = this.#now()
    const rated = isRated(limits)
    const refusal = rated ? this.#rates.refusal(request, now) : undefined
    const held = refusal ?? this.#ledger.reserve(request, now)
    if (held === 'held') {
      if (rated) this.#rates.take(request)
      if (request.once !== undefined) this.#once.held(request.accountId, request.once)
    }
    const result: HoldResult = typeof held === 'string' ? HELD : { ok: false, ...held }
    return rated ? { ...result, rates: this.#rates.windows(request, limits, now) } : result
  }

  /** False when the job has no open hold (yet, or any more). Throws LedgerError `overcapture`. */
  settle(record: JobRecord): boolean {
    const now = this.#now()
    const settled = this.#ledger.settle(record, now)
    if (settled === undefined) return false
    this.#rates.giveBack(record.id, record.promptTokens + record.completionTokens, now)
    if (settled.once !== null) this.#end(this.#once.settled(settled.once, record))
    return true
  }

  /** Throws LedgerError `deposit_conflict` and MoneyError. */
  deposit(accountId: string, reference: string, amountMsat: number): Balance {
    return this.#ledger.deposit(accountId, reference, amountMsat, this.#now())
  }

  /** Throws LedgerError `transfer_conflict` and MoneyError. */
  transfer(accountId: string, reference: string, amountMsat: number): TransferOutcome {
    return this.#transfers.transfer(accountId, reference, amountMsat)
  }

  balance(accountId: string): Balance {
    return this.#ledger.balance(accountId)
  }

  keyUsage(accountId: AccountId, apiKeyId: ApiKeyId, limits: Limits): KeyUsage {
    const now = this.#now()
    const ids = { accountId, apiKeyId }
    return {
      key: scopeUsage(
        limits.key,
        this.#ledger.keySpend(accountId, apiKeyId, limits.key, now),
        this.#rates.scopeWindows(ids, limits, 'key', now),
      ),
      account: scopeUsage(
        limits.account,
        this.#ledger.accountSpend(accountId, now),
        this.#rates.scopeWindows(ids, limits, 'account', now),
      ),
    }
  }

  beginOnce(request: OnceRequest): OnceState {
    return this.#once.begin(request)
  }

  finishOnce(end: OnceEnd): void {
    this.#end(this.#once.finish(end))
  }

  /** See `AccountPort.awaitOnce`. Needs no transaction. */
  awaitOnce(accountId: string, key: string, deadline: number): Promise<boolean> {
    if (!this.#once.isRunning(accountId, key)) return Promise.resolve(true)
    return this.#waiters.wait(onceName(accountId, key), deadline - this.#now())
  }

  #end(name: string | undefined): void {
    if (name !== undefined) this.#ended.push(name)
  }

  /**
   * At the start of a process that alone owns the database: holds and requests found there belong to
   * jobs that died with the process before it. Throws LedgerError `corrupt`.
   */
  recover(): void {
    this.#release(Number.POSITIVE_INFINITY)
    this.transaction(() => this.#once.recover())
    auditLedger(this.#sql)
    this.tidy()
  }

  /** Gives expired holds back to their clients, and deletes some of what has been kept long enough. */
  tidy(): void {
    const now = this.#now()
    this.#release(now)
    if ((this.#once.nextSweep() ?? Number.POSITIVE_INFINITY) <= now) {
      this.transaction(() => this.#once.sweep(now, SWEEP_BATCH))
    }
    if (this.#tidiedDay === dayOf(now)) return
    this.transaction(() => this.#ledger.forgetIdleKeys(now))
    this.#tidiedDay = dayOf(now)
  }

  /** Gives the holds that expired before `at` (ms since the epoch) back to their clients. */
  #release(at: number): void {
    for (;;) {
      const holds = expiredHolds(this.#sql, at, OUTBOX_BATCH)
      if (holds.length === 0) return
      this.transaction(() => {
        for (const hold of holds) this.settle(expiredRecord(hold, this.#now()))
      })
    }
  }

  /** When {@link tidy} has something to do next, ms since the epoch. */
  nextTidy(): number | undefined {
    const [hold, once] = [nextExpiry(this.#sql), this.#once.nextSweep()]
    return hold === undefined || once === undefined ? (hold ?? once) : Math.min(hold + 1, once)
  }

  /** Settled events that Postgres does not have yet. */
  get outboxSize(): number {
    return this.#outbox.size
  }

  /**
   * Writes all of the outbox to Postgres. Throws what the store throws, and keeps the rest. Events that
   * Postgres refuses hold up their own account's and nobody else's.
   */
  async flush(store: Pick<StorePort, 'writeLedgerEvents'>): Promise<void> {
    try {
      await this.#flush(store)
    } catch (error) {
      if (error instanceof DbError) await this.#flushApart(store)
      throw error
    }
  }

  async #flushApart(store: Pick<StorePort, 'writeLedgerEvents'>): Promise<void> {
    for (const account of this.#outbox.accounts()) {
      try {
        await this.#flush(store, account)
      } catch (error) {
        if (!(error instanceof DbError)) throw error
      }
    }
  }

  async #flush(store: Pick<StorePort, 'writeLedgerEvents'>, account?: string): Promise<void> {
    for (;;) {
      const batch = this.#outbox.read(OUTBOX_BATCH, account)
      if (batch === undefined) return
      await store.writeLedgerEvents(batch)
      this.transaction(() => this.#outbox.flushed(batch))
    }
  }

  /** Lets everybody who waits for another's answer ask again. */
  close(): void {
    this.#waiters.wakeAll()
  }
}
