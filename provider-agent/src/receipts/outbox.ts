import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorMessage } from '../error-message.ts'
import { isLinked } from '../file-link.ts'
import { makeFolder } from '../make-folder.ts'

/** A signed batch that the edge has not acknowledged. */
export interface StoredBatch {
  readonly id: number
  /** The receipts frame's payload, ready to be sent. */
  readonly payload: Uint8Array
  /** Leases the batch has receipts for. */
  readonly leases: readonly string[]
}

/** The outbox folder cannot be used; the message says what to do. */
export class OutboxError extends Error {
  override readonly name = 'OutboxError'
  readonly code = 'outbox_unusable'
}

const NAME = /^(\d{15})\.batch$/
const DRAFT = /^draft-\d+$/
const NEWLINE = 0x0a

/**
 * Receipts on their way to the edge, on disk: a batch is stored before it is sent and removed when
 * acknowledged, so a crash of the agent loses none. Each is one file that appears whole or not at
 * all. It reaches the kernel, not the platter: a power cut may lose the last moments, and what it
 * has torn is put aside. Plain files, because not every Node that the agent runs on has a database.
 */
export class Outbox {
  readonly #folder: string
  readonly #maxBatches: number
  /** Ascending. */
  readonly #ids: number[]
  #lastId: number

  /** Opens or creates the folder. Throws {@link OutboxError}. */
  constructor(folder: string, maxBatches: number) {
    this.#folder = folder
    this.#maxBatches = maxBatches
    try {
      makeFolder(folder)
      this.#ids = idsIn(folder)
    } catch (cause) {
      const reason = errorMessage(cause)
      throw new OutboxError(`cannot open ${folder}: ${reason}. If it is no folder, move it away`, {
        cause,
      })
    }
    this.#lastId = this.#ids.at(-1) ?? 0
  }

  /** Batches stored. */
  get size(): number {
    return this.#ids.length
  }

  /** Of the batch that was stored last; 0 where there never was one. */
  get lastId(): number {
    return this.#lastId
  }

  /** Stores a batch. Returns how many of the oldest had to be dropped to make room. */
  put(payload: Uint8Array, leases: readonly string[]): number {
    const draft = join(this.#folder, `draft-${process.pid}`)
    const head = `${checksum(payload, leases)} ${leases.join(' ')}\n`
    try {
      writeFileSync(draft, Buffer.concat([Buffer.from(head), payload]), { mode: 0o600 })
      this.#ids.push(this.#publish(draft))
    } finally {
      removeFile(draft)
    }
    const excess = Math.max(0, this.size - this.#maxBatches)
    for (const id of this.#ids.slice(0, excess)) this.remove(id)
    return excess
  }

  /** The oldest batch stored after `id`; 0 stands before the first. */
  next(id: number): StoredBatch | undefined {
    for (;;) {
      const found = this.#ids.find((other) => other > id)
      const batch = found === undefined ? undefined : this.#read(found)
      if (found === undefined || batch !== undefined) return batch
    }
  }

  remove(id: number): void {
    this.pass(id)
    removeFile(this.#pathOf(id))
  }

  /** Leaves a batch alone until the next start. */
  pass(id: number): void {
    const at = this.#ids.indexOf(id)
    if (at !== -1) this.#ids.splice(at, 1)
  }

  /** Gives the draft the next free number: another agent may use the same folder. */
  #publish(draft: string): number {
    for (;;) {
      const id = ++this.#lastId
      if (isLinked(draft, this.#pathOf(id))) return id
    }
  }

  /** What cannot be read is left alone until the next start. */
  #read(id: number): StoredBatch | undefined {
    const path = this.#pathOf(id)
    let batch
    try {
      batch = parse(readFileSync(path))
      if (batch === undefined) renameSync(path, `${path}.torn`)
    } catch {
      // The others go on.
    }
    if (batch === undefined) this.pass(id)
    return batch && { id, ...batch }
  }

  #pathOf(id: number): string {
    return join(this.#folder, `${String(id).padStart(15, '0')}.batch`)
  }
}

/** Those stored, oldest first. Drafts of agents that were killed are removed. */
function idsIn(folder: string): number[] {
  const names = readdirSync(folder)
  for (const name of names.filter((one) => DRAFT.test(one))) removeFile(join(folder, name))
  return names
    .flatMap((name) => Number(NAME.exec(name)?.[1] ?? Number.NaN) || [])
    .toSorted((a, b) => a - b)
}

/** Undefined for a file that a power cut has torn. */
function parse(file: Buffer): Omit<StoredBatch, 'id'> | undefined {
  const end = file.indexOf(NEWLINE)
  const [sum, ...leases] = file.subarray(0, Math.max(0, end)).toString('utf8').split(' ')
  const payload = file.subarray(end + 1)
  return sum === checksum(payload, leases) ? { payload, leases } : undefined
}

const checksum = (payload: Uint8Array, leases: readonly string[]): string =>
  createHash('sha256').update(leases.join(' ')).update('\n').update(payload).digest('hex')

/** What cannot be removed is sent once more after the next start, and the edge knows it then. */
function removeFile(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // It is gone already, or the disk is read-only by now.
  }
}
