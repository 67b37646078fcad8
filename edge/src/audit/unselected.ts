import type { LeaseId } from '@infernet/schemas/ids'
import { MAX_UNSELECTED, MAX_UNSELECTED_BYTES } from './audit-limits.ts'

/** An answer with the request that it was given to. */
interface Asked {
  readonly answer: { readonly lease: LeaseId; readonly body: Uint8Array }
}

/** Answers that were not selected, until their receipts are here: the latest, as many as there is room for. */
export class Unselected<One extends Asked> {
  /** Insertion order is age. */
  readonly #waiting = new Map<LeaseId, One>()
  #bytes = 0

  add(one: One): void {
    const { body, lease } = one.answer
    this.#waiting.set(lease, one)
    this.#bytes += body.length
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
    this.#bytes -= one.answer.body.length
    return one
  }
}
