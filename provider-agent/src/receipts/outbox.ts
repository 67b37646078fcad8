import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** A signed batch that the edge has not acknowledged. */
export interface StoredBatch {
  readonly id: number
  /** The receipts frame's payload, ready to be sent. */
  readonly payload: Uint8Array
  /** Leases the batch has receipts for. */
  readonly leases: readonly string[]
}

/** The outbox file cannot be used; the message says what to do. */
export class OutboxError extends Error {
  override readonly name = 'OutboxError'
  readonly code = 'outbox_unusable'
}

const BUSY_TIMEOUT_MS = 2_000

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS batch (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    leases TEXT NOT NULL,
    payload BLOB NOT NULL
  ) STRICT`

/**
 * Receipts on their way to the edge, on disk: a batch is stored before it is sent and removed when
 * acknowledged, so a crash of the agent loses none. Commits reach the kernel, not the platter
 * (`synchronous = NORMAL` under WAL): a power cut may lose the last moments, but never the file.
 */
export class Outbox {
  readonly #db: DatabaseSync
  readonly #insert
  readonly #delete
  readonly #next
  readonly #count
  readonly #trim
  readonly #maxBatches: number
  #size: number

  /** Opens or creates the file at `path`. Throws {@link OutboxError}. */
  constructor(path: string, maxBatches: number) {
    this.#maxBatches = maxBatches
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      this.#db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
      this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;')
      this.#db.exec(SCHEMA)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new OutboxError(`cannot open ${path}: ${reason}. If it is damaged, move it away`, {
        cause,
      })
    }
    this.#insert = this.#db.prepare('INSERT INTO batch (leases, payload) VALUES (?, ?)')
    this.#delete = this.#db.prepare('DELETE FROM batch WHERE id = ?')
    this.#next = this.#db.prepare('SELECT * FROM batch WHERE id > ? ORDER BY id LIMIT 1')
    this.#count = this.#db.prepare('SELECT count(*) AS n FROM batch')
    this.#trim = this.#db.prepare(
      'DELETE FROM batch WHERE id IN (SELECT id FROM batch ORDER BY id LIMIT ?)',
    )
    this.#size = Number(this.#count.get()?.['n'] ?? 0)
  }

  /** Batches stored. */
  get size(): number {
    return this.#size
  }

  /** Stores a batch. Returns how many of the oldest had to be dropped to make room. */
  put(payload: Uint8Array, leases: readonly string[]): number {
    this.#insert.run(leases.join(' '), payload)
    this.#size++
    const excess = this.#size - this.#maxBatches
    if (excess <= 0) return 0
    this.#size -= Number(this.#trim.run(excess).changes)
    return excess
  }

  /** The oldest batch stored after `id`; 0 stands before the first. */
  next(id: number): StoredBatch | undefined {
    const row = this.#next.get(id)
    if (row === undefined || !(row['payload'] instanceof Uint8Array)) return undefined
    return {
      id: Number(row['id']),
      payload: row['payload'],
      leases: String(row['leases']).split(' '),
    }
  }

  remove(id: number): void {
    this.#size -= Number(this.#delete.run(id).changes)
  }

  close(): void {
    this.#db.close()
  }
}
