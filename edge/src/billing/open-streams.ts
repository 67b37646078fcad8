/** Counts streams that are open in this process, and by account. */
export class OpenStreams {
  readonly #byAccount = new Map<string, number>()
  readonly #max: number
  readonly #maxPerAccount: number
  #open = 0

  constructor(limits: { readonly max: number; readonly maxPerAccount: number }) {
    this.#max = limits.max
    this.#maxPerAccount = limits.maxPerAccount
  }

  /** Counts one more, until the function that comes back is called; undefined when there are too many. */
  open(account: string): (() => void) | undefined {
    const own = this.#byAccount.get(account) ?? 0
    if (this.#open >= this.#max || own >= this.#maxPerAccount) return undefined
    this.#open++
    this.#byAccount.set(account, own + 1)
    let isOpen = true
    return () => {
      if (!isOpen) return
      isOpen = false
      this.#open--
      const left = (this.#byAccount.get(account) ?? 1) - 1
      if (left === 0) this.#byAccount.delete(account)
      else this.#byAccount.set(account, left)
    }
  }
}
