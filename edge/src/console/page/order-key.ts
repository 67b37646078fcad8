/**
 * The idempotency key of what a person orders: the same order keeps its key until its outcome is known, so that
 * pressing the button again after a lost answer orders nothing twice.
 */
export class OrderKey {
  readonly #newKey: () => string
  #order = ''
  #key = ''

  constructor(newKey: () => string = randomKey) {
    this.#newKey = newKey
  }

  of(order: object): string {
    const text = JSON.stringify(order)
    if (text !== this.#order || this.#key === '') this.#key = this.#newKey()
    this.#order = text
    return this.#key
  }

  /** It is known what became of the order: the next one like it is another. */
  known(): void {
    this.#key = ''
  }
}

/** Works without a secure context too, unlike `randomUUID`. */
const randomKey = (): string =>
  `console-${[...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
