import { IntakeError } from '../intake/intake-error.ts'
import type {
  InvoiceStore,
  NewTopUp,
  OpenedInvoice,
  SettledInvoice,
  TopUp,
} from '../intake/invoice-store.ts'
import { nextTopUpState } from '../intake/top-up-state.ts'
import type { Balances } from '../ledger/balances.ts'
import { topUpSettled } from '../ledger/credit-events.ts'

/** The rows of top-ups in memory, beside a real journal. */
export class MemoryInvoiceStore implements InvoiceStore {
  readonly #ledger: Balances
  readonly #rows = new Map<string, TopUp>()
  #settleIndex = 0n

  constructor(ledger: Balances) {
    this.#ledger = ledger
  }

  async create(request: NewTopUp): Promise<TopUp> {
    const there = this.#rows.get(request.id)
    if (there === undefined)
      return this.#put({
        ...request,
        state: 'requested',
        bolt11: undefined,
        expiresAt: undefined,
        paidMsat: 0n,
      })
    const same =
      there.paymentHash === request.paymentHash &&
      there.to === request.to &&
      there.amountMsat === request.amountMsat &&
      there.memo === request.memo &&
      there.expirySeconds === request.expirySeconds
    if (!same) throw new IntakeError('order_conflict', `${request.id} is for something else`)
    return there
  }

  async opened(paymentHash: string, invoice: OpenedInvoice): Promise<TopUp> {
    const row = this.#row(paymentHash)
    if (row.state === 'settled' || row.bolt11 === invoice.bolt11) return row
    return this.#put({ ...row, ...invoice, state: nextTopUpState(row.state, 'open') })
  }

  async settled(invoice: SettledInvoice): Promise<'credited' | 'replayed' | 'not_ours'> {
    const row = this.#byHash(invoice.paymentHash)
    let outcome: 'credited' | 'replayed' | 'not_ours' = 'not_ours'
    if (row !== undefined) {
      outcome = row.state === 'settled' ? 'replayed' : 'credited'
      if (outcome === 'credited') {
        const { paymentHash, paidMsat } = invoice
        const state = nextTopUpState(row.state, 'settle')
        this.#ledger.post(topUpSettled({ paymentHash, to: row.to, amount: paidMsat }))
        this.#put({ ...row, state, paidMsat })
      }
    }
    if (invoice.settleIndex > this.#settleIndex) this.#settleIndex = invoice.settleIndex
    return outcome
  }

  async expired(paymentHash: string): Promise<void> {
    const row = this.#row(paymentHash)
    if (row.state === 'settled' || row.state === 'expired') return
    this.#put({ ...row, state: nextTopUpState(row.state, 'expire') })
  }

  async find(id: string): Promise<TopUp | undefined> {
    return this.#rows.get(id)
  }

  async unfinished(afterId: string, limit: number): Promise<readonly TopUp[]> {
    return [...this.#rows.values()]
      .filter(({ id, state }) => id > afterId && (state === 'requested' || state === 'open'))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, limit)
  }

  async settleIndex(): Promise<bigint> {
    return this.#settleIndex
  }

  #put(row: TopUp): TopUp {
    this.#rows.set(row.id, row)
    return row
  }

  #byHash(paymentHash: string): TopUp | undefined {
    return [...this.#rows.values()].find((row) => row.paymentHash === paymentHash)
  }

  #row(paymentHash: string): TopUp {
    const row = this.#byHash(paymentHash)
    if (row === undefined) throw new IntakeError('unknown_row', `no top-up has ${paymentHash}`)
    return row
  }
}
