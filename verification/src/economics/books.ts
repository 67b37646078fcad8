/** Who has how much in the simulation, msat. Money only moves, and nobody has less than nothing. */
export class Books {
  readonly #balances = new Map<string, bigint>()

  /** An account and what it has in the beginning. */
  open(account: string, amountMsat: bigint): void {
    if (this.#balances.has(account)) throw new RangeError(`'${account}' is open already`)
    this.#balances.set(account, amountMsat)
  }

  balance(account: string): bigint {
    const balance = this.#balances.get(account)
    if (balance === undefined) throw new RangeError(`there is no '${account}'`)
    return balance
  }

  /** Throws RangeError, and moves nothing, for what `from` does not have or an account that is not there. */
  move(from: string, to: string, amountMsat: bigint): void {
    const left = this.balance(from) - amountMsat
    if (amountMsat < 0n || left < 0n)
      throw new RangeError(`'${from}' cannot give '${to}' ${amountMsat} msat`)
    const before = this.balance(to)
    if (from === to) return
    this.#balances.set(from, left)
    this.#balances.set(to, before + amountMsat)
  }

  /** Of all accounts: never changes but by opening one with something in it. */
  total(): bigint {
    return [...this.#balances.values()].reduce((sum, balance) => sum + balance, 0n)
  }
}
