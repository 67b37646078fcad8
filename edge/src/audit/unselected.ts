import type { LeaseId } from '@infernet/schemas/ids'
import { MAX_UNSELECTED, MAX_UNSELECTED_BYTES } from './audit-limits.ts'

/** An answer with the request that it was given to. */
interface Asked {
  readonly answer: {
    readonly lease: LeaseId
    readonly body: Uint8Array
    /** Of the answer's text, which is kept until it is read. */
    readonly contentBytes: number | undefined
  }
}

const bytesOf = ({ answer: { body, contentBytes = 0 } }: Asked): number =>
  body.length + contentBytes

/** Answers that were not selected, until their receipts are here: the latest, as many as there is room for. */
export class Unselected<One extends Asked> {
  /** Insertion order is age. */
  readonly #waiting = new Map<LeaseId, One>()
  #bytes = 0

  add(one: One): void {
    this.#waiting.set(one.answer.lease, one)
    this.#bytes += bytesOf(one)
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size <= MAX_UNSELECTED && this.#bytes <= MAX_UNSELECTED_BYTES) break
      this.take(oldest)
    }
  }

  /** Its receipt is here. Undefined for one that is not known any more. */
  take(lease: LeaseId): One | undefined {
    const one = this.#waiting.get(lease)
    if (one === undefined) return undefined
    this.#waiting.delete(lease)
    this.#bytes -= bytesOf(one)
    return one
  }
}
