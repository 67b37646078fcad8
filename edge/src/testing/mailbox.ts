/** A queue whose reader waits for what has not come yet. */
export class Mailbox<T> {
  readonly #items: T[] = []
  readonly #readers: ((item: T) => void)[] = []

  /** Items that nobody has taken. */
  get size(): number {
    return this.#items.length
  }

  put(item: T): void {
    const reader = this.#readers.shift()
    if (reader === undefined) this.#items.push(item)
    else reader(item)
  }

  next(): Promise<T> {
    const item = this.#items.shift()
    if (item !== undefined) return Promise.resolve(item)
    const { promise, resolve } = Promise.withResolvers<T>()
    this.#readers.push(resolve)
    return promise
  }
}
