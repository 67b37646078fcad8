import { Sampler } from './sampler.ts'

/** Several lists of providers as one, to draw from at random without a copy. */
export class ProviderPool<C> {
  readonly #lists: readonly (readonly C[])[]
  readonly #random: () => number
  readonly size: number

  /** `random` yields numbers in [0, 1). */
  constructor(lists: readonly (readonly C[])[], random: () => number) {
    this.#lists = lists
    this.#random = random
    let size = 0
    for (const list of lists) size += list.length
    this.size = size
  }

  /**
   * Visits up to `most` distinct members in random order, until `visit` returns true.
   */
  draw(most: number, visit: (member: C) => boolean): void {
    const sampler = new Sampler(this.size, this.#random)
    for (let draws = 0; draws < most; draws++) {
      const member = this.#at(sampler.next())
      if (member === undefined || visit(member)) return
    }
  }

  #at(position: number): C | undefined {
    if (position < 0) return undefined
    let left = position
    for (const list of this.#lists) {
      if (left < list.length) return list[left]
      left -= list.length
    }
    return undefined
  }
}
