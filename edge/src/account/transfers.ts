import { msat } from '@infernet/schemas/money'
import type { SqlPort, TransferOutcome } from '../ports.ts'
import { integer, LedgerError } from './ledger-error.ts'

/**
 * What Postgres posted first and the live balance is told afterwards: credit that arrived, and what a
 * withdrawal takes. The first outcome of a reference is remembered for ever, so that the two never
 * disagree. Methods run inside a transaction of the caller.
 */
export class Transfers {
  readonly #sql: SqlPort

  constructor(sql: SqlPort) {
    this.#sql = sql
  }

  /**
   * Moves `amountMsat` into `available`, or out of it below zero, once per reference; `refused` when
   * it isn't covered. The same reference with another amount throws {@link LedgerError}
   * `transfer_conflict`; a balance that would outgrow exact arithmetic throws MoneyError.
   */
  transfer(account: string, reference: string, amountMsat: number): TransferOutcome {
    return this.#known(account, reference, amountMsat) ?? this.#move(account, reference, amountMsat)
  }

  #known(account: string, reference: string, amount: number): TransferOutcome | undefined {
    const [row] = this.#sql.exec(
      `select amount, outcome from transfer where account = ? and reference = ?`,
      account,
      reference,
    )
    if (row === undefined) return undefined
    if (row['amount'] !== amount) {
      const before = integer(row['amount'])
      const message = `transfer '${reference}' was made for ${before} msat, not ${amount}`
      throw new LedgerError('transfer_conflict', message)
    }
    return row['outcome'] === 'done' ? 'done' : 'refused'
  }

  #move(account: string, reference: string, amount: number): TransferOutcome {
    const covered = amount < 0 ? this.#take(account, msat(-amount)) : this.#give(account, amount)
    const outcome = covered ? 'done' : 'refused'
    this.#sql.run(
      `insert into transfer (account, reference, amount, outcome) values (?, ?, ?, ?)`,
      account,
      reference,
      amount,
      outcome,
    )
    return outcome
  }

  #take(account: string, amount: number): boolean {
    const taken = this.#sql.run(
      `update account set available = available - ?1 where id = ?2 and available >= ?1`,
      amount,
      account,
    )
    return taken > 0
  }

  #give(account: string, amount: number): true {
    const [row] = this.#sql.exec(
      `select available + reserved as n from account where id = ?`,
      account,
    )
    msat(msat(amount) + (row === undefined ? 0 : integer(row['n'])))
    this.#sql.run(
      `insert into account (id, available, reserved, open_holds) values (?1, ?2, 0, 0)
       on conflict (id) do update set available = available + ?2`,
      account,
      amount,
    )
    return true
  }
}
