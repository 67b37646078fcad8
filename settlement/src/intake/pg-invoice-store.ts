import { settleIndexes, topUps } from '@infernet/schemas/settlement-tables'
import { and, asc, eq, gt, inArray, isNotNull, isNull, sql } from 'drizzle-orm'
import { askRows, type Database } from '../db/database.ts'
import { DbError } from '../db/db-port.ts'
import { postingJson } from '../db/posting-json.ts'
import { untilMoved } from '../db/until-moved.ts'
import { topUpSettled } from '../ledger/credit-events.ts'
import { liveAccount } from '../ledger/live-account.ts'
import type { Hash } from '../lightning/lightning-backend.ts'
import { IntakeError } from './intake-error.ts'
import type {
  InvoiceStore,
  NewTopUp,
  OpenedInvoice,
  SettledInvoice,
  TopUp,
  TopUpOrder,
} from './invoice-store.ts'
import { storeAnswer } from './store-answer.ts'
import { nextTopUpState } from './top-up-state.ts'
import { isSameOrder, topUpOf } from './top-up-row.ts'

/** A top-up that the edge has ordered and that has no payment hash yet. */
export interface OrderedTopUp extends Omit<TopUpOrder, 'to'> {
  /** Who is credited; null for a bundle, which is known by its hash. */
  readonly accountId: string | null
}

/** Top-ups in Postgres. A row that was ordered becomes a top-up when `create` gives it its payment hash. */
export class PgInvoiceStore implements InvoiceStore {
  readonly #db: Database
  readonly #nodePubkey: string

  /** `nodePubkey`: of the node whose settled invoices are counted. */
  constructor({ db, nodePubkey }: { readonly db: Database; readonly nodePubkey: string }) {
    this.#db = db
    this.#nodePubkey = nodePubkey
  }

  /** What the edge has ordered and nobody has issued, the oldest first. */
  orders(limit: number): Promise<readonly OrderedTopUp[]> {
    const { id, accountId, amountMsat, memo, expirySeconds } = topUps
    return storeAnswer(
      this.#db
        .select({ id, accountId, amountMsat, memo, expirySeconds })
        .from(topUps)
        .where(and(isNull(topUps.paymentHash), eq(topUps.state, 'requested')))
        .orderBy(asc(topUps.createdAt), asc(topUps.id))
        .limit(limit),
    )
  }

  async create(request: NewTopUp): Promise<TopUp> {
    const topUp = (await this.#insert(request)) ?? (await this.find(request.id))
    if (topUp === undefined || !isSameOrder(topUp, request))
      throw new IntakeError('order_conflict', `${request.id} is for something else`)
    return topUp
  }

  async opened(paymentHash: Hash, invoice: OpenedInvoice): Promise<TopUp> {
    return await this.#moving(paymentHash, async (topUp) => {
      if (topUp.state === 'settled' || topUp.bolt11 === invoice.bolt11) return topUp
      const state = nextTopUpState(topUp.state, 'open')
      return await this.#move(topUp, { ...invoice, state })
    })
  }

  async settled(invoice: SettledInvoice): Promise<'credited' | 'replayed' | 'not_ours'> {
    const topUp = await this.#byHash(invoice.paymentHash)
    if (topUp !== undefined && topUp.state !== 'settled')
      return (await this.#credit(topUp, invoice)) ? 'credited' : 'replayed'
    await storeAnswer(askRows(this.#db, this.#countSettled(invoice)))
    return topUp === undefined ? 'not_ours' : 'replayed'
  }

  async expired(paymentHash: Hash): Promise<void> {
    await this.#moving(paymentHash, async (topUp) => {
      if (topUp.state === 'settled' || topUp.state === 'expired') return topUp
      return await this.#move(topUp, { state: nextTopUpState(topUp.state, 'expire') })
    })
  }

  /** Undefined for what is ordered only, too. */
  async find(id: string): Promise<TopUp | undefined> {
    const [row] = await storeAnswer(this.#db.select().from(topUps).where(eq(topUps.id, id)))
    return row && topUpOf(row)
  }

  async unfinished(afterId: string, limit: number): Promise<readonly TopUp[]> {
    const rows = await storeAnswer(
      this.#db
        .select()
        .from(topUps)
        .where(
          and(
            gt(topUps.id, afterId),
            inArray(topUps.state, ['requested', 'open']),
            isNotNull(topUps.paymentHash),
          ),
        )
        .orderBy(asc(topUps.id))
        .limit(limit),
    )
    return rows.flatMap((row) => topUpOf(row) ?? [])
  }

  async settleIndex(): Promise<bigint> {
    const [row] = await storeAnswer(
      this.#db.select().from(settleIndexes).where(eq(settleIndexes.nodePubkey, this.#nodePubkey)),
    )
    return row?.settleIndex ?? 0n
  }

  /** The new row, or the ordered one with its hash; undefined when there is another one. */
  async #insert(request: NewTopUp): Promise<TopUp | undefined> {
    const { to, ...order } = request
    const accountId = to.startsWith('client:') ? (liveAccount(to) ?? null) : null
    const insertion = this.#db
      .insert(topUps)
      .values({ ...order, accountId, creditedTo: to })
      .onConflictDoUpdate({
        target: topUps.id,
        set: { paymentHash: request.paymentHash, creditedTo: to },
        setWhere: sql`
          ${topUps.paymentHash} is null and ${topUps.state} = 'requested'
          and ${topUps.accountId} is not distinct from excluded.account_id
          and coalesce(${topUps.creditedTo}, excluded.credited_to) = excluded.credited_to
          and ${topUps.amountMsat} = excluded.amount_msat and ${topUps.memo} = excluded.memo
          and ${topUps.expirySeconds} = excluded.expiry_seconds`,
      })
      .returning()
    try {
      const [row] = await storeAnswer(insertion)
      return row && topUpOf(row)
    } catch (error) {
      // Somebody else has the hash: another top-up, or this one, created at the same moment.
      if (error instanceof DbError && error.constraint === 'top_ups_hash') return undefined
      throw error
    }
  }

  /** False when somebody else has credited it. Whom it credits never changes once the hash is known. */
  async #credit(topUp: TopUp, invoice: SettledInvoice): Promise<boolean> {
    const { paymentHash, to } = topUp
    const posting = topUpSettled({ paymentHash, to, amount: invoice.paidMsat })
    const paid = String(invoice.paidMsat)
    const statement = sql`
      with moved as (
        update top_ups set state = 'settled', paid_msat = ${paid}::bigint, settled_at = now()
        where payment_hash = ${paymentHash} and credited_to = ${to} and state <> 'settled'
        returning payment_hash
      ), counted as (${this.#countSettled(invoice)})
      select
        post_json(${postingJson(posting)}::jsonb),
        tell_account(${posting.key}, ${to}, ${paid}::bigint)
      from moved`
    const rows = await storeAnswer(askRows(this.#db, statement))
    return Array.isArray(rows) && rows.length === 1
  }

  /** How far the node's settled invoices have been read; never goes back. */
  #countSettled({ settleIndex }: SettledInvoice) {
    return sql`
      insert into settle_indexes as known (node_pubkey, settle_index)
      values (${this.#nodePubkey}, ${String(settleIndex)}::bigint)
      on conflict (node_pubkey) do update
      set settle_index = greatest(known.settle_index, excluded.settle_index)`
  }

  /** Throws {@link IntakeError} `unknown_row`, and what `round` throws. */
  async #moving(
    paymentHash: Hash,
    round: (topUp: TopUp) => Promise<TopUp | undefined>,
  ): Promise<TopUp> {
    const moved = untilMoved(async () => {
      const topUp = await this.#byHash(paymentHash)
      if (topUp === undefined) throw new IntakeError('unknown_row', `no top-up has ${paymentHash}`)
      return await round(topUp)
    })
    return await storeAnswer(moved)
  }

  /** Undefined when it is no longer in the state that was read. */
  async #move(from: TopUp, to: Pick<TopUp, 'state'> & Partial<OpenedInvoice>) {
    const isThere = and(eq(topUps.id, from.id), eq(topUps.state, from.state))
    const [row] = await storeAnswer(this.#db.update(topUps).set(to).where(isThere).returning())
    return row && topUpOf(row)
  }

  async #byHash(paymentHash: Hash): Promise<TopUp | undefined> {
    const [row] = await storeAnswer(
      this.#db.select().from(topUps).where(eq(topUps.paymentHash, paymentHash)),
    )
    return row && topUpOf(row)
  }
}
