/** Of orders whose outcome is not known; a tab has one or two at most. */
const MAX_KEPT = 16

/** Where a tab keeps them, so that a page that is loaded anew still has them. */
export type KeyStore = Pick<Storage, 'getItem' | 'setItem'>

/**
 * The idempotency keys of what a person orders: the same order keeps its key until its outcome is known, so that
 * pressing the button again after a lost answer, other orders or a reload between, orders nothing twice.
 */
export class OrderKey {
  readonly #item: string
  readonly #store: KeyStore
  readonly #newKey: () => string

  constructor(item: string, store: KeyStore, newKey: () => string = randomKey) {
    this.#item = item
    this.#store = store
    this.#newKey = newKey
  }

  of(order: object): string {
    const kept = this.#kept()
    const text = JSON.stringify(order)
    const key = kept.get(text) ?? this.#newKey()
    kept.set(text, key)
    this.#keep([...kept].slice(-MAX_KEPT))
    return key
  }

  /** It is known what became of the order: the next one like it is another. */
  known(order: object): void {
    const kept = this.#kept()
    kept.delete(JSON.stringify(order))
    this.#keep([...kept])
  }

  #kept(): Map<string, string> {
    return new Map(JSON.parse(this.#store.getItem(this.#item) ?? '[]') as [string, string][])
  }

  #keep(kept: readonly (readonly [string, string])[]): void {
    this.#store.setItem(this.#item, JSON.stringify(kept))
  }
}

/** Works without a secure context too, unlike `randomUUID`. */
const randomKey = (): string =>
  `console-${[...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
