const FIRST_SIZE = 1024
/** 64 MB of memory, some years of a busy node. */
const MAX_HASHES = 8_000_000
/** Hex digits of 64 bits. */
const PREFIX_DIGITS = 16

/**
 * Which payment hashes a node has, in eight bytes each: that two of a node's begin alike does not happen.
 * Throws RangeError beyond 8 million.
 */
export class HashPrefixes {
  #prefixes = new BigUint64Array(FIRST_SIZE)
  #size = 0
  #isSorted = true

  add(hash: string): void {
    if (this.#size === MAX_HASHES) throw new RangeError(`The node has over ${MAX_HASHES} hashes`)
    if (this.#size === this.#prefixes.length) {
      const larger = new BigUint64Array(this.#size * 2)
      larger.set(this.#prefixes)
      this.#prefixes = larger
    }
    this.#prefixes[this.#size++] = prefixOf(hash)
    this.#isSorted = false
  }

  has(hash: string): boolean {
    if (!this.#isSorted) this.#prefixes.subarray(0, this.#size).sort()
    this.#isSorted = true
    const wanted = prefixOf(hash)
    let [low, high] = [0, this.#size]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#prefixes[middle] ?? 0n) < wanted) low = middle + 1
      else high = middle
    }
    return low < this.#size && this.#prefixes[low] === wanted
  }

  get size(): number {
    return this.#size
  }
}

const prefixOf = (hash: string): bigint => BigInt(`0x${hash.slice(0, PREFIX_DIGITS)}`)
