/** What a killed process does from its end on: nothing. */
export class Killed extends Error {
  override readonly name = 'Killed'
}

/**
 * Kills whoever works through {@link around} at the n-th point: before or after a call, or with an item of a
 * stream in hand. What was begun outside goes on; the killed one gets nowhere any more.
 */
export class CrashPoints {
  /** What was passed, in order. */
  readonly names: string[] = []
  readonly killed: Promise<void>
  readonly #killAt: number
  readonly #kill: () => void
  #dead = false

  constructor(killAt: number) {
    this.#killAt = killAt
    const { promise, resolve } = Promise.withResolvers<void>()
    this.killed = promise
    this.#kill = resolve
  }

  get dead(): boolean {
    return this.#dead
  }

  reached(name: string): void {
    if (!this.#dead) this.names.push(name)
    if (this.names.length >= this.#killAt && !this.#dead) {
      this.#dead = true
      this.#kill()
    }
    if (this.#dead) throw new Killed(`killed at ${this.names.at(-1)}`)
  }

  /** `target` with a point before and after each call of a method. */
  around<T extends object>(name: string, target: T): T {
    return new Proxy(target, {
      get: (_, property) => {
        const value: unknown = Reflect.get(target, property)
        if (typeof value !== 'function') return value
        const point = `${name}.${String(property)}`
        return (...args: unknown[]) => {
          this.reached(`before ${point}`)
          const result: unknown = Reflect.apply(value, target, args)
          if (isStream(result)) return this.#items(point, result)
          return result instanceof Promise ? this.#after(point, result) : result
        }
      },
    })
  }

  async #after(point: string, result: Promise<unknown>): Promise<unknown> {
    try {
      return await result
    } finally {
      this.reached(`after ${point}`)
    }
  }

  async *#items(point: string, stream: AsyncIterable<unknown>): AsyncGenerator<unknown, void> {
    for await (const item of stream) {
      this.reached(`item of ${point}`)
      yield item
    }
  }
}

const isStream = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value
