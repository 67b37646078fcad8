import { z } from 'zod'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { JobId } from '@infernet/schemas/ids'
import { HOLD_GRACE_MS, JOB_DEADLINE_MS } from '../limits.ts'
import type { OnceEnd, OnceRequest, OnceState, SqlPort, SqlRow, StoredAnswer } from '../ports.ts'
import { integer } from './ledger-error.ts'
import { notKept } from './not-kept.ts'
import { OnceBodies } from './once-bodies.ts'

/** How long an answer is kept for repetitions of its request. */
export const ONCE_KEPT_MS = 24 * 3_600_000
/** A request that runs longer than any hold lives is one whose edge died. */
export const ONCE_RUN_MS = JOB_DEADLINE_MS + 2 * HOLD_GRACE_MS
/** Largest body kept; a longer answer is remembered without it. Long generations have some 100 KB. */
export const MAX_ONCE_BODY_BYTES = 4 * 1024 * 1024
/** What one account's answers may take, rows included; the oldest go first. */
export const MAX_ONCE_BYTES = 256 * 1024 * 1024
/** What a row is counted as, besides its body. */
const ROW_BYTES = 512
/** Rows that one statement deletes. */
const DELETE_BATCH = 100
/** `status` of a request that was charged, and whose answer is not kept. */
const NOT_KEPT = 0

const headersSchema = z.record(z.string(), z.string())

/**
 * Requests with an idempotency key, in SQLite: a request runs once, and its repetitions get its
 * answer. Whatever happens, a request that was charged is not run again while its row is kept; one
 * that was not is forgotten when it fails or its edge dies.
 */
export class OnceLog {
  readonly #sql: SqlPort
  readonly #bodies: OnceBodies

  constructor(sql: SqlPort) {
    this.#sql = sql
    this.#bodies = new OnceBodies(sql)
  }

  begin(request: OnceRequest): OnceState {
    const { accountId, apiKeyId, key, fingerprint, job, now } = request
    const row = this.#current(request)
    if (row !== undefined) return row['fingerprint'] === fingerprint ? this.#stateOf(row) : CONFLICT
    this.#sql.run(
      `insert into once (account, api_key, key, fingerprint, job, started_at) values (?, ?, ?, ?, ?, ?)`,
      accountId,
      apiKeyId,
      key,
      fingerprint,
      job,
      now,
    )
    return NEW
  }

  /** The key's row, unless it says nothing any more. */
  #current(request: OnceRequest): SqlRow | undefined {
    const row = this.#find(request)
    if (row === undefined) return undefined
    if (isAbandoned(row, request.now)) {
      this.#fail(row)
      return this.#find(request)
    }
    if (!isOld(row, request.now)) return row
    this.#delete([row])
    return undefined
  }

  #find({ accountId, apiKeyId, key }: OnceRequest): SqlRow | undefined {
    return this.#sql.exec(
      `select id, account, key, fingerprint, job, started_at, open_holds, charged, status, content_type, headers, size
       from once where account = ? and api_key = ? and key = ?`,
      accountId,
      apiKeyId,
      key,
    )[0]
  }

  #stateOf(row: SqlRow): OnceState {
    const { status } = row
    if (status === null) return { state: 'running', job: String(row['job']) as JobId }
    if (status === NOT_KEPT) return { state: 'done', answer: notKept() }
    const answer: StoredAnswer = {
      status: integer(status),
      contentType: String(row['content_type']),
      headers: headersSchema.parse(JSON.parse(String(row['headers']))),
      body: this.#bodies.read(integer(row['id']), integer(row['size'])),
    }
    return { state: 'done', answer }
  }

  /** Whether a request under this key runs, with whichever API key. */
  isRunning(accountId: string, key: string): boolean {
    return this.#running(accountId, key).length > 0
  }

  /** A hold has been made for the request whose `beginOnce` named this `job`. */
  held(accountId: string, job: string): void {
    this.#sql.run(
      `update once set open_holds = open_holds + 1 where account = ? and job = ? and status is null`,
      accountId,
      job,
    )
  }

  /**
   * A hold of the request has been settled. Returns the request's {@link onceName} when that was its
   * end: its edge had died, or it had failed before. An answer that is only a failure, free of charge,
   * is forgotten.
   */
  settled(job: string, record: JobRecord): string | undefined {
    const charged = record.costMsat > 0
    const [row] = this.#sql.exec(
      `update once set open_holds = open_holds - 1, charged = max(charged, ?), spoiled = ?
       where account = ? and job = ?
       returning id, account, key, open_holds, charged, failed, spoiled, status, size`,
      charged ? 1 : 0,
      !charged && record.status === 'failed' ? 1 : 0,
      record.accountId,
      job,
    )
    if (row === undefined || row['open_holds'] !== 0) return undefined
    if (row['status'] !== null) {
      if (isSpoiled(row)) this.#delete([row])
      return undefined
    }
    return row['failed'] === 1 || record.status === 'expired' ? this.#fail(row) : undefined
  }

  /** Keeps the answer. Returns the name of the request that has ended with it, if it was running. */
  finish(end: OnceEnd): string | undefined {
    const { accountId, key, job, answer } = end
    const row = this.#running(accountId, key).find((running) => running['job'] === job)
    if (row === undefined) return undefined
    const id = integer(row['id'])
    if (answer === undefined) {
      if (row['open_holds'] === 0) return this.#fail(row)
      // Its last hold tells whether it was charged.
      this.#sql.run(`update once set failed = 1 where id = ?`, id)
      return undefined
    }
    if (row['open_holds'] === 0 && isSpoiled(row)) return this.#fail(row)
    const { status, contentType, headers, body } = answer
    if (body.length > MAX_ONCE_BODY_BYTES) {
      this.#sql.run(`update once set status = ? where id = ?`, NOT_KEPT, id)
      this.#grow(accountId, ROW_BYTES)
    } else {
      this.#bodies.write(id, body)
      this.#sql.run(
        `update once set status = ?, content_type = ?, headers = ?, size = ? where id = ?`,
        status,
        contentType,
        JSON.stringify(headers),
        body.length,
        id,
      )
      this.#grow(accountId, ROW_BYTES + body.length)
    }
    return onceName(accountId, key)
  }

  /** The process that ran all unfinished requests has died, and their holds have been settled. */
  recover(): void {
    for (const row of this.#sql.exec(SELECT_RUNNING)) this.#fail(row)
  }

  /** Deletes at most `limit` rows that are older than {@link ONCE_KEPT_MS}. */
  sweep(now: number, limit: number): void {
    const oldest = this.#sql.exec(
      `select id, account, status, size, started_at from once order by id limit ?`,
      limit,
    )
    this.#delete(oldest.filter((row) => isOld(row, now)))
  }

  /** When the next row should be swept, ms since the epoch. */
  nextSweep(): number | undefined {
    const [row] = this.#sql.exec(`select started_at from once order by id limit 1`)
    return row === undefined ? undefined : integer(row['started_at']) + ONCE_KEPT_MS
  }

  #running(accountId: string, key: string): SqlRow[] {
    return this.#sql.exec(`${SELECT_RUNNING} and account = ? and key = ?`, accountId, key)
  }

  /** A request ended without an answer: forgotten when nothing was charged, else never run again. */
  #fail(row: SqlRow): string {
    const accountId = String(row['account'])
    if (row['charged'] === 0) this.#delete([row])
    else {
      this.#sql.run(`update once set status = ? where id = ?`, NOT_KEPT, integer(row['id']))
      this.#grow(accountId, ROW_BYTES)
    }
    return onceName(accountId, String(row['key']))
  }

  /** Counts what an account's answers take, and drops the oldest above the limit. */
  #grow(accountId: string, bytes: number): void {
    const [row] = this.#sql.exec(
      `insert into once_size (account, size) values (?1, ?2)
       on conflict do update set size = size + ?2 returning size`,
      accountId,
      bytes,
    )
    let excess = integer(row?.['size']) - MAX_ONCE_BYTES
    while (excess > 0) {
      const oldest = this.#sql.exec(
        `select id, account, status, size from once where account = ? and status is not null order by id limit ?`,
        accountId,
        DELETE_BATCH,
      )
      if (oldest.length === 0) return
      const dropped: SqlRow[] = []
      for (const one of oldest) {
        if (excess <= 0) break
        dropped.push(one)
        excess -= ROW_BYTES + integer(one['size'])
      }
      this.#delete(dropped)
    }
  }

  #delete(rows: readonly SqlRow[]): void {
    for (const row of rows) {
      const id = integer(row['id'])
      this.#bodies.delete(id)
      this.#sql.run(`delete from once where id = ?`, id)
      if (row['status'] === null) continue
      this.#sql.run(
        `update once_size set size = size - ? where account = ?`,
        ROW_BYTES + integer(row['size']),
        String(row['account']),
      )
    }
  }
}

const isOld = (row: SqlRow, now: number): boolean =>
  now - integer(row['started_at']) >= ONCE_KEPT_MS

/** Nobody will say any more how it ended. */
const isAbandoned = (row: SqlRow, now: number): boolean =>
  row['status'] === null &&
  row['open_holds'] === 0 &&
  now - integer(row['started_at']) >= ONCE_RUN_MS

/** Its last job delivered nothing but an error, and none was charged. */
const isSpoiled = (row: SqlRow): boolean => row['spoiled'] === 1 && row['charged'] === 0

const NEW = Object.freeze({ state: 'new' } as const)
const CONFLICT = Object.freeze({ state: 'conflict' } as const)

const SELECT_RUNNING = `select id, account, key, job, open_holds, charged, spoiled, status, size from once where status is null`

/** Names a request for those who wait for its end. */
export const onceName = (accountId: string, key: string): string => `${accountId} ${key}`
