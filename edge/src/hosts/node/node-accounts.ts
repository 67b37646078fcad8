import type { AccountId, ApiKeyId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import { AccountBook } from '../../account/account-book.ts'
import { OUTBOX_DELAY_MS, OUTBOX_MAX_BACKOFF_MS } from '../../limits.ts'
import type {
  AccountPort,
  Balance,
  HoldRequest,
  HoldResult,
  KeyUsage,
  Limits,
  OnceEnd,
  OnceRequest,
  OnceState,
  StorePort,
  TransferOutcome,
} from '../../ports.ts'
import type { NodeSql } from './node-sql.ts'

/** Somebody waits for the group to be on disk. */
interface Waiter {
  committed(): void
  lost(error: unknown): void
}

/** What nobody waits for shares a commit with whatever comes within this time. */
export const GROUP_DELAY_MS = 5

/**
 * All accounts of one Node process in one SQLite file. Operations run at once and in order, each a
 * part of an open transaction that can fail alone; the transaction, a group of some milliseconds, is
 * committed for all of them (group commit). A caller hears of what must not be lost after the commit,
 * the way a Durable Object's output gate works. A hold may be lost: a process that dies takes the hold's
 * job with it, and the next one would give the hold back.
 */
export class NodeAccounts implements AccountPort {
  readonly #sql: NodeSql
  readonly #book: AccountBook
  readonly #store: Pick<StorePort, 'writeLedgerEvents'>
  readonly #onFlushError: (error: unknown) => void
  readonly #onEmptied: (() => void | Promise<void>) | undefined
  #waiters: Waiter[] = []
  #commitTimer: NodeJS.Timeout | undefined
  #commitSoon = false
  #flushing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #failures = 0

  constructor(options: {
    sql: NodeSql
    store: Pick<StorePort, 'writeLedgerEvents'>
    now: () => number
    onFlushError: (error: unknown) => void
    /** Postgres has the outbox, and it is forgotten here, on disk. */
    onEmptied?: (() => void | Promise<void>) | undefined
  }) {
    const { sql, now, store } = options
    const afterCommit = (task: () => void): void => this.#afterCommit(task)
    this.#sql = sql
    this.#book = new AccountBook({ sql, now, later, afterCommit })
    this.#store = {
      // What a crash could still undo must not be anywhere else.
      writeLedgerEvents: (batch) => {
        this.#commit()
        return store.writeLedgerEvents(batch)
      },
    }
    this.#onFlushError = options.onFlushError
    this.#onEmptied = options.onEmptied
    this.#book.recover()
    if (this.#book.outboxSize > 0) this.#flushLater()
  }

  async reserve(request: HoldRequest): Promise<HoldResult> {
    const result = this.#run(() => this.#book.reserve(request))
    // A flush also releases expired holds, one of which may be what stood in the way.
    if (!result.ok) this.#flushLater()
    return result
  }

  async settle(record: JobRecord): Promise<void> {
    this.#run(() => this.#book.settle(record))
    await this.#committed()
    this.#flushLater()
  }

  async deposit(accountId: AccountId, reference: string, amountMsat: number): Promise<Balance> {
    const balance = this.#run(() => this.#book.deposit(accountId, reference, amountMsat))
    await this.#committedThisTurn()
    this.#flushLater()
    return balance
  }

  async transfer(
    accountId: AccountId,
    reference: string,
    amountMsat: number,
  ): Promise<TransferOutcome> {
    const outcome = this.#run(() => this.#book.transfer(accountId, reference, amountMsat))
    await this.#committedThisTurn()
    return outcome
  }

  async balance(accountId: AccountId): Promise<Balance> {
    return this.#book.balance(accountId)
  }

  async keyUsage(accountId: AccountId, apiKeyId: ApiKeyId, limits: Limits): Promise<KeyUsage> {
    return this.#book.keyUsage(accountId, apiKeyId, limits)
  }

  async beginOnce(request: OnceRequest): Promise<OnceState> {
    const state = this.#run(() => this.#book.beginOnce(request))
    await this.#committedThisTurn()
    return state
  }

  async finishOnce(end: OnceEnd): Promise<void> {
    this.#run(() => this.#book.finishOnce(end))
    await this.#committedThisTurn()
  }

  awaitOnce(accountId: AccountId, key: string, deadline: number): Promise<boolean> {
    return this.#book.awaitOnce(accountId, key, deadline)
  }

  /** Writes the whole outbox; concurrent calls share one pass. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flushAll().finally(() => {
      this.#flushing = undefined
    })
    return this.#flushing
  }

  /** Commits what is queued and makes one last attempt to empty the outbox. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#commitOrReject()
    await this.flush().catch(this.#onFlushError)
    clearTimeout(this.#timer)
    this.#book.close()
  }

  /**
   * Runs an operation as a part of the open group, which is committed within {@link GROUP_DELAY_MS};
   * what it throws undoes this part only.
   */
  #run<T>(operation: () => T): T {
    this.#sql.openGroup()
    this.#commitTimer ??= setTimeout(() => this.#commitOrReject(), GROUP_DELAY_MS)
    try {
      return this.#book.transaction(operation)
    } catch (error) {
      // SQLite gave the whole group up, as when the disk is full.
      if (!this.#sql.isGrouping) this.#lost(error)
      throw error
    }
  }

  /** The same as {@link NodeAccounts.#committed}, at the end of this turn: somebody waits for it. */
  #committedThisTurn(): Promise<void> {
    if (!this.#commitSoon) setImmediate(() => this.#commitOrReject())
    this.#commitSoon = true
    return this.#committed()
  }

  /** Resolves when all that was run until now is on disk. */
  #committed(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ committed: resolve, lost: reject })
    })
  }

  #afterCommit(task: () => void): void {
    // Who waits for a result that is lost asks again, and finds that out.
    if (this.#sql.isGrouping) this.#waiters.push({ committed: task, lost: task })
    else task()
  }

  /** Those who wait hear of a failure. */
  #commitOrReject(): void {
    try {
      this.#commit()
    } catch {
      // They have.
    }
  }

  /** Puts the open group on disk. Throws, and tells those who wait, when nothing of it has happened. */
  #commit(): void {
    this.#commitSoon = false
    clearTimeout(this.#commitTimer)
    this.#commitTimer = undefined
    try {
      this.#sql.commitGroup()
    } catch (error) {
      this.#lost(error)
      throw error
    }
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter.committed()
  }

  #lost(error: unknown): void {
    this.#book.rolledBack()
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter.lost(error)
  }

  #flushLater(): void {
    if (this.#timer !== undefined) return
    const delay = Math.min(OUTBOX_DELAY_MS * 2 ** this.#failures, OUTBOX_MAX_BACKOFF_MS)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.flush().catch(this.#onFlushError)
    }, delay)
  }

  async #flushAll(): Promise<void> {
    try {
      this.#book.tidy()
      await this.#book.flush(this.#store)
      this.#commit()
      this.#failures = 0
      await this.#onEmptied?.()
    } catch (error) {
      this.#failures++
      this.#flushLater()
      throw error
    }
  }
}

function later(task: () => void, delayMs: number): () => void {
  const timer = setTimeout(task, delayMs)
  return () => clearTimeout(timer)
}
