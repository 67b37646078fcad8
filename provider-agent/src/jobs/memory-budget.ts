/** Of the budget: what is left is for the answers of those that have begun. */
const BEGIN_SHARE = 0.75

/** One job's part of the budget. */
export interface Reservation {
  /** Makes it so many bytes more than at first. False, and it is as before, where there is no room for that. */
  grow(moreBytes: number): boolean
  /** Gives it back, once and for all. */
  free(): void
}

/** Bytes that all jobs of this process may hold at a time. It only counts: each says what it holds. */
export class MemoryBudget {
  readonly maxBytes: number
  #heldBytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** A part for a job that begins; undefined where it does not fit beside the others. */
  reserve(bytes: number): Reservation | undefined {
    if (this.#heldBytes + bytes > BEGIN_SHARE * this.maxBytes) return undefined
    let held = bytes
    this.#heldBytes += bytes
    const set = (wanted: number): void => {
      this.#heldBytes += wanted - held
      held = wanted
    }
    return {
      grow: (moreBytes) => {
        const wanted = bytes + moreBytes
        if (wanted > held && this.#heldBytes + wanted - held > this.maxBytes) return false
        set(wanted)
        return true
      },
      free: () => set(0),
    }
  }
}
