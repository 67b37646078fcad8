import { DurableObject } from 'cloudflare:workers'
import type { JobRecord } from '@infernet/schemas/job-record'
import { expiredRecord } from '../../account/expiry.ts'
import { Ledger } from '../../account/ledger.ts'
import { connectNeon } from '../../db/neon-db.ts'
import { postgresStore } from '../../db/store.ts'
import { EdgeEvents } from '../../events.ts'
import { OUTBOX_BATCH, OUTBOX_DELAY_MS, OUTBOX_MAX_BACKOFF_MS } from '../../limits.ts'
import type { Balance, HoldRequest, HoldResult, SqlPort, StorePort } from '../../ports.ts'
import type { WorkerEnv } from './env.ts'
import { workerLog } from './worker-log.ts'

/** One account's live balance as a Durable Object. Its output gate holds each reply until it is durable. */
export class AccountObject extends DurableObject<WorkerEnv> {
  readonly #sql: SqlPort
  readonly #ledger: Ledger
  readonly #store: Pick<StorePort, 'writeLedgerEvents'>
  readonly #events = new EdgeEvents(workerLog)
  #alarmAt = Number.POSITIVE_INFINITY
  #failures = 0

  constructor(ctx: DurableObjectState, env: WorkerEnv) {
    super(ctx, env)
    this.#sql = {
      exec: (sql, ...params) =>
        ctx.storage.sql.exec<Record<string, string | number | null>>(sql, ...params).toArray(),
      transactionSync: (body) => ctx.storage.transactionSync(body),
    }
    this.#ledger = new Ledger(this.#sql)
    this.#store = postgresStore(connectNeon(env.DATABASE_URL), Date.now)
    ctx.blockConcurrencyWhile(async () => {
      this.#alarmAt = (await ctx.storage.getAlarm()) ?? Number.POSITIVE_INFINITY
    })
  }

  reserve(request: HoldRequest): HoldResult {
    const result = this.#sql.transactionSync(() => this.#ledger.reserve(request))
    if (result.ok) this.#wake(request.expiresAt)
    return result
  }

  /** False when the job has no open hold (yet, or any more). */
  settle(record: JobRecord): boolean {
    const settled = this.#sql.transactionSync(() => this.#ledger.settle(record))
    if (settled) this.#wake(Date.now() + OUTBOX_DELAY_MS)
    return settled
  }

  deposit(accountId: string, reference: string, amountMsat: number): Balance {
    const balance = this.#sql.transactionSync(() =>
      this.#ledger.deposit(accountId, reference, amountMsat, Date.now()),
    )
    this.#wake(Date.now() + OUTBOX_DELAY_MS)
    return balance
  }

  balance(accountId: string): Balance {
    return this.#ledger.balance(accountId)
  }

  async flush(): Promise<void> {
    for (;;) {
      const events = this.#ledger.outbox(OUTBOX_BATCH)
      if (events.length === 0) return
      await this.#store.writeLedgerEvents(events)
      this.#sql.transactionSync(() => this.#ledger.flushed(events))
    }
  }

  /** Releases holds past their time and empties the outbox. Errors re-arm it, since the platform gives up. */
  override async alarm(): Promise<void> {
    this.#alarmAt = Number.POSITIVE_INFINITY
    this.#sql.transactionSync(() => {
      for (const hold of this.#ledger.expired(Date.now(), OUTBOX_BATCH)) {
        this.#ledger.settle(expiredRecord(hold, Date.now()))
      }
    })
    try {
      await this.flush()
      this.#failures = 0
    } catch (error) {
      this.#failures++
      this.#events.storeFailed('writeLedgerEvents', error)
      this.#wake(
        Date.now() + Math.min(OUTBOX_DELAY_MS * 2 ** this.#failures, OUTBOX_MAX_BACKOFF_MS),
      )
    }
    const expiry = this.#ledger.nextExpiry()
    if (expiry !== undefined) this.#wake(Math.max(expiry, Date.now()) + 1)
  }

  /** Arms the object's one alarm for `at`, unless it is due before. */
  #wake(at: number): void {
    if (at >= this.#alarmAt) return
    this.#alarmAt = at
    void this.ctx.storage.setAlarm(at)
  }
}
