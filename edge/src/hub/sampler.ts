/**
 * Draws distinct positions out of 0 … size − 1, all orders equally likely: a Fisher-Yates shuffle
 * that keeps only what it has moved, so that two draws out of ten thousand cost two draws.
 */
export class Sampler {
  #left: number
  readonly #random: () => number
  /** The first moved position and what lies there now; most samples need no more. */
  #movedAt = -1
  #moved = 0
  #othersMoved: Map<number, number> | undefined

  /** `random` yields numbers in [0, 1). */
  constructor(size: number, random: () => number) {
    this.#left = size
    this.#random = random
  }

  /** The next position, or -1 when all have been drawn. */
  next(): number {
    if (this.#left === 0) return -1
    const at = Math.floor(this.#random() * this.#left)
    const drawn = this.#read(at)
    this.#left--
    if (at !== this.#left) this.#write(at, this.#read(this.#left))
    return drawn
  }

  #read(at: number): number {
    if (at === this.#movedAt) return this.#moved
    return this.#othersMoved?.get(at) ?? at
  }

  #write(at: number, position: number): void {
    if (this.#movedAt === -1 || this.#movedAt === at) {
      this.#movedAt = at
      this.#moved = position
    } else {
      this.#othersMoved ??= new Map()
      this.#othersMoved.set(at, position)
    }
  }
}
