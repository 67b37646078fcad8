import { rulesOf, type AccountCode } from './account-code.ts'
import { PostingError, type Posting } from './posting.ts'

/**
 * The journal in memory, by the rules that Postgres keeps: what the simulator and the tests compare
 * with. Every amount is msat.
 */
export class Balances {
  readonly #postings = new Map<string, Posting>()
  readonly #balances = new Map<AccountCode, bigint>()

  /**
   * Posts once per key: `replayed` when it was here before. Throws {@link PostingError} `uncovered`,
   * and changes nothing, when an account would have less than nothing.
   */
  post(posting: Posting): 'posted' | 'replayed' {
    if (this.#postings.has(posting.key)) return 'replayed'
    for (const { account, amount } of posting.entries) {
      if (rulesOf(account).mustCover && this.of(account) + amount < 0n) {
        throw new PostingError('uncovered', `${posting.key}: ${account} has ${this.of(account)}`)
      }
    }
    this.#postings.set(posting.key, posting)
    for (const { account, amount } of posting.entries) {
      this.#balances.set(account, this.of(account) + amount)
    }
    return 'posted'
  }

  of(account: AccountCode): bigint {
    return this.#balances.get(account) ?? 0n
  }

  get postings(): readonly Posting[] {
    return [...this.#postings.values()]
  }

  /** What we owe to clients and providers, what we have at the node, and the difference: our own. */
  position(): { owed: bigint; had: bigint; own: bigint } {
    let [owed, had, own] = [0n, 0n, 0n]
    for (const [account, balance] of this.#balances) {
      if (rulesOf(account).mustCover) owed += balance
      else if (account === 'asset:ln') had -= balance
      else own += balance
    }
    return { owed, had, own }
  }
}
