import { escrows } from '@infernet/schemas/settlement-tables'
import { and, asc, eq, gt, isNull, notInArray, sql } from 'drizzle-orm'
import { askRows, type Database } from '../db/database.ts'
import { DbError } from '../db/db-port.ts'
import { postingJson } from '../db/posting-json.ts'
import { untilMoved } from '../db/until-moved.ts'
import { IntakeError } from '../intake/intake-error.ts'
import type { OpenedInvoice } from '../intake/invoice-store.ts'
import { storeAnswer } from '../intake/store-answer.ts'
import type { Posting } from '../ledger/posting.ts'
import type { Hash } from '../lightning/lightning-backend.ts'
import { EscrowError } from './escrow-error.ts'
import { decisionJson, escrowOf, isSameEscrow } from './escrow-row.ts'
import { isFinished, nextEscrowState } from './escrow-state.ts'
import type {
  CancelReason,
  EscrowDecision,
  EscrowRow,
  EscrowStore,
  HeldPayment,
  NewEscrow,
} from './escrow-store.ts'
import { settledPostings } from './settled-postings.ts'

type Change = Partial<Pick<EscrowRow, 'state' | 'cancelReason'> & OpenedInvoice & HeldPayment>

/** Escrows in Postgres. */
export class PgEscrowStore implements EscrowStore {
  readonly #db: Database

  constructor({ db }: { readonly db: Database }) {
    this.#db = db
  }

  async create(request: NewEscrow): Promise<EscrowRow> {
    const row = (await this.#insert(request)) ?? (await this.find(request.paymentHash))
    if (row === undefined || !isSameEscrow(row, request))
      throw new IntakeError('order_conflict', `${request.job} is for something else`)
    return row
  }

  async opened(paymentHash: Hash, invoice: OpenedInvoice): Promise<EscrowRow> {
    return await this.#moving(paymentHash, async (row) => {
      if (row.bolt11 === invoice.bolt11) return row
      const state = nextEscrowState(row.state, 'open')
      return await this.#move(row, { bolt11: invoice.bolt11, expiresAt: invoice.expiresAt, state })
    })
  }

  async accepted(paymentHash: Hash, held: HeldPayment): Promise<EscrowRow> {
    return await this.#moving(paymentHash, async (row) => {
      if (row.state === 'accepted' || row.state === 'settled') return row
      const state = nextEscrowState(row.state, 'accept')
      const { paidMsat, htlcExpiryHeight } = held
      return await this.#move(row, { paidMsat, htlcExpiryHeight, state })
    })
  }

  async decided(paymentHash: Hash, decision: EscrowDecision): Promise<EscrowRow> {
    return await this.#moving(paymentHash, async (row) => {
      if (row.decision !== undefined || isFinished(row.state)) return row
      if (decision.kind === 'settle' && row.state !== 'accepted')
        throw new EscrowError('not_accepted', `${row.job} is ${row.state}: nothing is held for it`)
      return await this.#decide(row, decision)
    })
  }

  async settled(paymentHash: Hash, paidMsat: bigint): Promise<EscrowRow> {
    return await this.#moving(paymentHash, async (row) => {
      if (row.state === 'settled') return row
      const state = nextEscrowState(row.state, 'settle')
      const isPosted = await this.#settle(row, paidMsat)
      return isPosted ? { ...row, state, paidMsat } : undefined
    })
  }

  async cancelled(paymentHash: Hash, reason: CancelReason): Promise<EscrowRow> {
    return await this.#moving(paymentHash, async (row) => {
      if (row.state === 'cancelled') return row
      const state = nextEscrowState(row.state, 'cancel')
      return await this.#move(row, { state, cancelReason: reason })
    })
  }

  async find(paymentHash: Hash): Promise<EscrowRow | undefined> {
    const [row] = await storeAnswer(
      this.#db.select().from(escrows).where(eq(escrows.paymentHash, paymentHash)),
    )
    return row && escrowOf(row)
  }

  async unfinished(afterHash: string, limit: number): Promise<readonly EscrowRow[]> {
    const isNext = gt(escrows.paymentHash, afterHash)
    const rows = await storeAnswer(
      this.#db
        .select()
        .from(escrows)
        .where(and(isNext, notInArray(escrows.state, ['settled', 'cancelled'])))
        .orderBy(asc(escrows.paymentHash))
        .limit(limit),
    )
    return rows.map(escrowOf)
  }

  /** Undefined when the hash or the job's attempt is there already. */
  async #insert(request: NewEscrow): Promise<EscrowRow | undefined> {
    const insertion = this.#db
      .insert(escrows)
      .values(request)
      .onConflictDoNothing({ target: escrows.paymentHash })
      .returning()
    try {
      const [row] = await storeAnswer(insertion)
      return row && escrowOf(row)
    } catch (error) {
      // By another escrow, or by this one, created at the same moment.
      if (error instanceof DbError && error.constraint === 'escrows_job') return undefined
      throw error
    }
  }

  async #decide(row: EscrowRow, decision: EscrowDecision): Promise<EscrowRow | undefined> {
    const isUndecided = and(
      eq(escrows.paymentHash, row.paymentHash),
      eq(escrows.state, row.state),
      isNull(escrows.decision),
    )
    const [decided] = await storeAnswer(
      this.#db
        .update(escrows)
        .set({ decision: sql`${decisionJson(decision)}::jsonb` })
        .where(isUndecided)
        .returning(),
    )
    return decided && escrowOf(decided)
  }

  /**
   * False when somebody else moved it. What it posts hangs on the decision, which is written once: it must
   * not have come since the row was read.
   */
  async #settle(row: EscrowRow, paidMsat: bigint): Promise<boolean> {
    const { paymentHash, payer } = row
    const postings = settledPostings(row, paidMsat)
    const posts = postings.map((posting) => sql`post_json(${postingJson(posting)}::jsonb)`)
    const statement = sql`
      with moved as (
        update escrows set state = 'settled', paid_msat = ${String(paidMsat)}::bigint
        where payment_hash = ${paymentHash} and state = ${row.state}
          and (decision is null) = ${row.decision === undefined}::boolean
        returning payment_hash
      )
      select
        ${sql.join(posts, sql`, `)},
        tell_account(${`esc:${paymentHash}`}, ${payer}, ${String(creditOf(postings))}::bigint)
      from moved`
    const rows = await storeAnswer(askRows(this.#db, statement))
    return Array.isArray(rows) && rows.length === 1
  }

  /** Throws {@link IntakeError} `unknown_row`, and what `round` throws. */
  async #moving(
    paymentHash: Hash,
    round: (row: EscrowRow) => Promise<EscrowRow | undefined>,
  ): Promise<EscrowRow> {
    const moved = untilMoved(async () => {
      const row = await this.find(paymentHash)
      if (row === undefined) throw new IntakeError('unknown_row', `no escrow has ${paymentHash}`)
      return await round(row)
    })
    return await storeAnswer(moved)
  }

  /** Undefined when it is no longer in the state that was read. */
  async #move(from: EscrowRow, to: Change): Promise<EscrowRow | undefined> {
    const isThere = and(eq(escrows.paymentHash, from.paymentHash), eq(escrows.state, from.state))
    const [row] = await storeAnswer(this.#db.update(escrows).set(to).where(isThere).returning())
    return row && escrowOf(row)
  }
}

/** What these credit to clients, msat; of an escrow that is its payer only. */
const creditOf = (postings: readonly Posting[]): bigint =>
  postings
    .flatMap(({ entries }) => entries)
    .filter(({ account }) => account.startsWith('client:'))
    .reduce((sum, { amount }) => sum + amount, 0n)
