import type { SqlPort } from '../ports.ts'
import { LedgerError } from './ledger-error.ts'

/** A Durable Object's SQLite holds values of at most 2 MB. */
const PART_BYTES = 1024 * 1024

/** The bodies of kept answers, in parts that SQLite takes on every host. */
export class OnceBodies {
  readonly #sql: SqlPort

  constructor(sql: SqlPort) {
    this.#sql = sql
  }

  write(once: number, body: Uint8Array): void {
    for (let part = 0; part * PART_BYTES < body.length; part++) {
      this.#sql.run(
        `insert into once_body (once, part, bytes) values (?, ?, ?)`,
        once,
        part,
        body.subarray(part * PART_BYTES, (part + 1) * PART_BYTES),
      )
    }
  }

  read(once: number, size: number): Uint8Array {
    const body = new Uint8Array(size)
    let at = 0
    for (const { bytes } of this.#sql.exec(
      `select bytes from once_body where once = ? order by part`,
      once,
    )) {
      const part = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes
      if (!(part instanceof Uint8Array)) throw new LedgerError('corrupt', 'a body is not a blob')
      body.set(part, at)
      at += part.length
    }
    return body
  }

  delete(once: number): void {
    this.#sql.run(`delete from once_body where once = ?`, once)
  }
}
