/** Requests that wait for another's answer; each holds its client's connection. */
export const MAX_ONCE_WAITERS = 1_000

interface Waiter {
  readonly resolve: (waited: boolean) => void
  readonly stop: () => void
}

/** Starts a timer and returns what stops it. */
export type Later = (task: () => void, delayMs: number) => () => void

/** Callers that wait until something named ends, each until its own deadline. */
export class OnceWaiters {
  readonly #later: Later
  readonly #waiters = new Map<string, Set<Waiter>>()
  #size = 0

  constructor(later: Later) {
    this.#later = later
  }

  /** Resolves with true at {@link wake} or after `delayMs`, and with false when too many wait. */
  wait(name: string, delayMs: number): Promise<boolean> {
    if (this.#size >= MAX_ONCE_WAITERS) return Promise.resolve(false)
    return new Promise((resolve) => {
      const waiter: Waiter = {
        resolve,
        stop: this.#later(() => this.#end(name, waiter), Math.max(0, delayMs)),
      }
      const waiters = this.#waiters.get(name)
      if (waiters === undefined) this.#waiters.set(name, new Set([waiter]))
      else waiters.add(waiter)
      this.#size++
    })
  }

  wake(name: string): void {
    for (const waiter of this.#waiters.get(name) ?? []) this.#end(name, waiter)
  }

  wakeAll(): void {
    for (const name of this.#waiters.keys()) this.wake(name)
  }

  #end(name: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(name)
    if (waiters?.delete(waiter) !== true) return
    if (waiters.size === 0) this.#waiters.delete(name)
    this.#size--
    waiter.stop()
    waiter.resolve(true)
  }
}
