import { DurableObject } from 'cloudflare:workers'
import type { AccountId, ApiKeyId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import { AccountBook } from '../../account/account-book.ts'
import { OUTBOX_EMPTIED, type AtEdgeStep } from '../../crash-points.ts'
import { EdgeEvents } from '../../events.ts'
import { OUTBOX_DELAY_MS, OUTBOX_MAX_BACKOFF_MS } from '../../limits.ts'
import type {
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
import { wakingStore } from '../../settler/waking-store.ts'
import { objectSql } from './object-sql.ts'
import { atOf, settlerOf, storeOf, type WorkerEnv } from './env.ts'
import { workerLog } from './worker-log.ts'

/** One account's live balance as a Durable Object. Its output gate holds each reply until it is durable. */
export class AccountObject extends DurableObject<WorkerEnv> {
  readonly #book: AccountBook
  readonly #store: Pick<StorePort, 'writeLedgerEvents'>
  readonly #events = new EdgeEvents(workerLog)
  readonly #at: AtEdgeStep | undefined
  #alarmAt = Number.POSITIVE_INFINITY
  #failures = 0

  constructor(ctx: DurableObjectState, env: WorkerEnv) {
    super(ctx, env)
    this.#at = atOf(env)
    this.#book = new AccountBook({ sql: objectSql(ctx.storage), now: Date.now, later })
    this.#store = wakingStore(
      storeOf(env),
      { wake: async () => void (await settlerOf(env).wake()) },
      Date.now,
    )
    ctx.blockConcurrencyWhile(async () => {
      this.#alarmAt = (await ctx.storage.getAlarm()) ?? Number.POSITIVE_INFINITY
    })
  }

  reserve(request: HoldRequest): HoldResult {
    const result = this.#book.transaction(() => this.#book.reserve(request))
    if (result.ok) this.#wake(request.expiresAt)
    return result
  }

  /** False when the job has no open hold (yet, or any more). */
  settle(record: JobRecord): boolean {
    const settled = this.#book.transaction(() => this.#book.settle(record))
    if (settled) this.#wake(Date.now() + OUTBOX_DELAY_MS)
    return settled
  }

  deposit(accountId: string, reference: string, amountMsat: number): Balance {
    const balance = this.#book.transaction(() =>
      this.#book.deposit(accountId, reference, amountMsat),
    )
    this.#wake(Date.now() + OUTBOX_DELAY_MS)
    return balance
  }

  transfer(accountId: string, reference: string, amountMsat: number): TransferOutcome {
    return this.#book.transaction(() => this.#book.transfer(accountId, reference, amountMsat))
  }

  balance(accountId: string): Balance {
    return this.#book.balance(accountId)
  }

  keyUsage(accountId: AccountId, apiKeyId: ApiKeyId, limits: Limits): KeyUsage {
    return this.#book.keyUsage(accountId, apiKeyId, limits)
  }

  beginOnce(request: OnceRequest): OnceState {
    const state = this.#book.transaction(() => this.#book.beginOnce(request))
    if (state.state === 'new') this.#wakeForTidy()
    return state
  }

  finishOnce(end: OnceEnd): void {
    this.#book.transaction(() => this.#book.finishOnce(end))
  }

  awaitOnce(accountId: string, key: string, deadline: number): Promise<boolean> {
    return this.#book.awaitOnce(accountId, key, deadline)
  }

  async flush(): Promise<void> {
    await this.#book.flush(this.#store)
    await this.#at?.(OUTBOX_EMPTIED)
  }

  /** Releases holds past their time and empties the outbox. Errors re-arm it, since the platform gives up. */
  override async alarm(): Promise<void> {
    this.#alarmAt = Number.POSITIVE_INFINITY
    try {
      this.#book.tidy()
      await this.flush()
      this.#failures = 0
    } catch (error) {
      this.#failures++
      this.#events.storeFailed('writeLedgerEvents', error)
      this.#wake(
        Date.now() + Math.min(OUTBOX_DELAY_MS * 2 ** this.#failures, OUTBOX_MAX_BACKOFF_MS),
      )
    }
    this.#wakeForTidy()
  }

  #wakeForTidy(): void {
    const at = this.#book.nextTidy()
    if (at !== undefined) this.#wake(Math.max(at, Date.now() + 1))
  }

  /** Arms the object's one alarm for `at`, unless it is due before. */
  #wake(at: number): void {
    if (at >= this.#alarmAt) return
    this.#alarmAt = at
    void this.ctx.storage.setAlarm(at)
  }
}

function later(task: () => void, delayMs: number): () => void {
  const timer = setTimeout(task, delayMs)
  return () => clearTimeout(timer)
}
