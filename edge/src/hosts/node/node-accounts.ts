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
  SqlPort,
  StorePort,
} from '../../ports.ts'

interface Operation {
  run(): void
  commit(): void
  fail(error: unknown): void
}

/** Nobody waits for a capture, so it rides with the next reserve's transaction, or leaves by itself. */
export const SETTLE_DELAY_MS = 5
/**
 * When a transaction had more operations than this, many requests are under way, and the next one
 * gathers for a moment: a commit costs ten times an operation, and nobody in a crowd misses 2 ms.
 */
const CROWD = 3
const CROWD_DELAY_MS = 2

/**
 * All accounts of one Node process in one SQLite file. Operations of one turn of the event loop
 * share a transaction (group commit): under load a reserve costs a tenth of a commit of its own.
 * A caller hears of its operation only after the commit, the way a Durable Object's output gate works.
 */
export class NodeAccounts implements AccountPort {
  readonly #book: AccountBook
  readonly #store: Pick<StorePort, 'writeLedgerEvents'>
  readonly #onFlushError: (error: unknown) => void
  #queue: Operation[] = []
  #commitSoon = false
  #crowded = false
  #flushing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #failures = 0

  constructor(options: {
    sql: SqlPort
    store: Pick<StorePort, 'writeLedgerEvents'>
    now: () => number
    onFlushError: (error: unknown) => void
  }) {
    this.#book = new AccountBook({ sql: options.sql, now: options.now, later })
    this.#store = options.store
    this.#onFlushError = options.onFlushError
    this.#book.recover()
    if (this.#book.outboxSize > 0) this.#flushLater()
  }

  async reserve(request: HoldRequest): Promise<HoldResult> {
    const result = await this.#enqueue(() => this.#book.reserve(request))
    // A flush also releases expired holds, one of which may be what stood in the way.
    if (!result.ok) this.#flushLater()
    return result
  }

  async settle(record: JobRecord): Promise<void> {
    await this.#enqueue(() => this.#book.settle(record), SETTLE_DELAY_MS)
    this.#flushLater()
  }

  async deposit(accountId: AccountId, reference: string, amountMsat: number): Promise<Balance> {
    const balance = await this.#enqueue(() => this.#book.deposit(accountId, reference, amountMsat))
    this.#flushLater()
    return balance
  }

  balance(accountId: AccountId): Promise<Balance> {
    return this.#enqueue(() => this.#book.balance(accountId))
  }

  keyUsage(accountId: AccountId, apiKeyId: ApiKeyId, limits: Limits): Promise<KeyUsage> {
    return this.#enqueue(() => this.#book.keyUsage(accountId, apiKeyId, limits))
  }

  beginOnce(request: OnceRequest): Promise<OnceState> {
    return this.#enqueue(() => this.#book.beginOnce(request))
  }

  finishOnce(end: OnceEnd): Promise<void> {
    return this.#enqueue(() => this.#book.finishOnce(end))
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
    this.#commit()
    await this.flush().catch(this.#onFlushError)
    clearTimeout(this.#timer)
    this.#book.close()
  }

  /** Runs `operation` in the next transaction, which is at the end of this turn or within `delayMs`. */
  #enqueue<T>(operation: () => T, delayMs = 0): Promise<T> {
    return new Promise((resolve, reject) => {
      let result: T
      if (delayMs === 0 && !this.#commitSoon) {
        this.#commitSoon = true
        if (this.#crowded) setTimeout(() => this.#commit(), CROWD_DELAY_MS)
        else setImmediate(() => this.#commit())
      } else if (this.#queue.length === 0) setTimeout(() => this.#commit(), delayMs)
      this.#queue.push({
        run: () => {
          result = operation()
        },
        commit: () => resolve(result),
        fail: reject,
      })
    })
  }

  #commit(): void {
    const operations = this.#queue
    this.#commitSoon = false
    if (operations.length === 0) return
    this.#queue = []
    this.#crowded = operations.length > CROWD
    try {
      this.#book.transaction(() => {
        for (const operation of operations) operation.run()
      })
    } catch (error) {
      // One bad operation must not undo its neighbours: run each in a transaction of its own.
      if (operations.length === 1) operations[0]?.fail(error)
      else for (const operation of operations) this.#commitAlone(operation)
      return
    }
    for (const operation of operations) operation.commit()
  }

  #commitAlone(operation: Operation): void {
    try {
      this.#book.transaction(() => operation.run())
      operation.commit()
    } catch (error) {
      operation.fail(error)
    }
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
      this.#commit()
      this.#book.tidy()
      await this.#book.flush(this.#store)
      this.#failures = 0
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
