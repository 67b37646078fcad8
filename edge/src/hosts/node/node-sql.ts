import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { SqlPort, SqlRow, SqlValue } from '../../ports.ts'

/** Statements kept prepared; the core uses about fifty, so the bound only guards against misuse. */
const MAX_PREPARED = 256

/**
 * {@link SqlPort} on `node:sqlite`. Write-ahead log with `synchronous = normal`: a commit survives
 * kill -9 of this process at any line; the last commits before a power failure may be lost, which
 * frees holds and never double-charges.
 */
export class NodeSql implements SqlPort {
  readonly #database: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()

  constructor(path: string) {
    this.#database = new DatabaseSync(path)
    this.#database.exec(
      'pragma journal_mode = wal; pragma synchronous = normal; pragma wal_autocheckpoint = 4000; pragma busy_timeout = 5000',
    )
  }

  exec(sql: string, ...params: readonly SqlValue[]): SqlRow[] {
    return this.#statement(sql).all(...params) as SqlRow[]
  }

  run(sql: string, ...params: readonly SqlValue[]): number {
    return this.#statement(sql).run(...params).changes as number
  }

  #statement(sql: string): StatementSync {
    let statement = this.#prepared.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      if (this.#prepared.size < MAX_PREPARED) this.#prepared.set(sql, statement)
    }
    return statement
  }

  /** Inside an open group, a part of it that is undone by itself. */
  transactionSync<T>(body: () => T): T {
    return this.#database.isTransaction
      ? this.#within(body, 'savepoint part', 'release part', 'rollback to part')
      : this.#within(body, 'begin immediate', 'commit', 'rollback')
  }

  #within<T>(body: () => T, begin: string, end: string, undo: string): T {
    this.run(begin)
    try {
      const result = body()
      this.run(end)
      return result
    } catch (error) {
      // Some failures, such as a full disk, have rolled all of it back already.
      if (this.#database.isTransaction) this.run(undo)
      throw error
    }
  }

  /** Whether a group is open. */
  get isGrouping(): boolean {
    return this.#database.isTransaction
  }

  /** Opens a group, unless one is open: what follows reaches the disk with {@link commitGroup}, or not at all. */
  openGroup(): void {
    if (!this.#database.isTransaction) this.run('begin immediate')
  }

  /** Commits the open group, if there is one. When that throws, nothing of it has happened. */
  commitGroup(): void {
    if (!this.#database.isTransaction) return
    try {
      this.run('commit')
    } catch (error) {
      if (this.#database.isTransaction) this.run('rollback')
      throw error
    }
  }

  close(): void {
    this.#prepared.clear()
    this.#database.close()
  }
}
