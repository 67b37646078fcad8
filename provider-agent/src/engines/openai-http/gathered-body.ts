/** A body that is read whole, of at most so many bytes. */
export class GatheredBody {
  readonly #maxBytes: number
  readonly #onHeld: ((bytes: number) => void) | undefined
  #parts: Buffer[] = []
  #bytes = 0

  /** `onHeld` hears how many bytes are there. */
  constructor(maxBytes: number, onHeld?: (bytes: number) => void) {
    this.#maxBytes = maxBytes
    this.#onHeld = onHeld
  }

  /** False where it is longer than it may be: what came before is let go. */
  add(part: Buffer): boolean {
    this.#bytes += part.length
    if (this.#bytes > this.#maxBytes) {
      this.#parts = []
      return false
    }
    this.#parts.push(part)
    this.#onHeld?.(this.#bytes)
    return true
  }

  /** All of it. */
  take(): Buffer {
    const [first] = this.#parts
    return this.#parts.length === 1 && first !== undefined ? first : Buffer.concat(this.#parts)
  }
}
