import { EscrowError } from '../escrow/escrow-error.ts'
import { isFinished, nextEscrowState } from '../escrow/escrow-state.ts'
import type {
  CancelReason,
  EscrowDecision,
  EscrowRow,
  EscrowStore,
  HeldPayment,
  NewEscrow,
} from '../escrow/escrow-store.ts'
import { settledPostings } from '../escrow/settled-postings.ts'
import { IntakeError } from '../intake/intake-error.ts'
import type { OpenedInvoice } from '../intake/invoice-store.ts'
import type { Balances } from '../ledger/balances.ts'

/** The rows of escrows in memory, beside a real journal. */
export class MemoryEscrowStore implements EscrowStore {
  readonly #ledger: Balances
  readonly #rows = new Map<string, EscrowRow>()

  constructor(ledger: Balances) {
    this.#ledger = ledger
  }

  async create(request: NewEscrow): Promise<EscrowRow> {
    const there = this.#rows.get(request.paymentHash)
    if (there === undefined)
      return this.#put({
        ...request,
        state: 'quoted',
        bolt11: undefined,
        expiresAt: undefined,
        htlcExpiryHeight: undefined,
        decision: undefined,
        paidMsat: 0n,
        cancelReason: undefined,
      })
    const { createdAt: _, ...order } = request
    const same = Object.entries(order).every(
      ([field, value]) => there[field as keyof EscrowRow] === value,
    )
    if (!same) throw new IntakeError('order_conflict', `${request.job} is for something else`)
    return there
  }

  async opened(paymentHash: string, invoice: OpenedInvoice): Promise<EscrowRow> {
    const row = this.#row(paymentHash)
    if (row.bolt11 === invoice.bolt11) return row
    return this.#put({ ...row, ...invoice, state: nextEscrowState(row.state, 'open') })
  }

  async accepted(paymentHash: string, held: HeldPayment): Promise<EscrowRow> {
    const row = this.#row(paymentHash)
    if (row.state === 'accepted' || row.state === 'settled') return row
    return this.#put({ ...row, ...held, state: nextEscrowState(row.state, 'accept') })
  }

  async decided(paymentHash: string, decision: EscrowDecision): Promise<EscrowRow> {
    const row = this.#row(paymentHash)
    if (row.decision !== undefined || isFinished(row.state)) return row
    if (decision.kind === 'settle' && row.state !== 'accepted')
      throw new EscrowError('not_accepted', `${row.job} is ${row.state}: nothing is held for it`)
    return this.#put({ ...row, decision })
  }

  async settled(paymentHash: string, paidMsat: bigint): Promise<EscrowRow> {
    const row = this.#row(paymentHash)
    if (row.state === 'settled') return row
    const state = nextEscrowState(row.state, 'settle')
    for (const posting of settledPostings(row, paidMsat)) this.#ledger.post(posting)
    return this.#put({ ...row, state, paidMsat })
  }

  async cancelled(paymentHash: string, reason: CancelReason): Promise<EscrowRow> {
    const row = this.#row(paymentHash)
    if (row.state === 'cancelled') return row
    const state = nextEscrowState(row.state, 'cancel')
    return this.#put({ ...row, state, cancelReason: reason })
  }

  async find(paymentHash: string): Promise<EscrowRow | undefined> {
    return this.#rows.get(paymentHash)
  }

  async unfinished(afterHash: string, limit: number): Promise<readonly EscrowRow[]> {
    return [...this.#rows.values()]
      .filter(({ paymentHash, state }) => paymentHash > afterHash && !isFinished(state))
      .sort((a, b) => (a.paymentHash < b.paymentHash ? -1 : 1))
      .slice(0, limit)
  }

  #put(row: EscrowRow): EscrowRow {
    this.#rows.set(row.paymentHash, row)
    return row
  }

  #row(paymentHash: string): EscrowRow {
    const row = this.#rows.get(paymentHash)
    if (row === undefined) throw new IntakeError('unknown_row', `no escrow has ${paymentHash}`)
    return row
  }
}
