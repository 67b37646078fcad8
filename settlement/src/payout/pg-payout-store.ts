import { payoutAttempts, payouts, settlerLease } from '@infernet/schemas/settlement-tables'
import { and, asc, eq, gt, inArray, sql, type SQL } from 'drizzle-orm'
import { z } from 'zod'
import { ask, askRows, toJsonb, type Database } from '../db/database.ts'
import { DbError } from '../db/db-port.ts'
import { isUncovered } from '../db/post.ts'
import { postingJson } from '../db/posting-json.ts'
import { untilMoved } from '../db/until-moved.ts'
import { payoutFailed, payoutStarted, payoutSucceeded } from '../ledger/payout-events.ts'
import { PostingError, type Posting } from '../ledger/posting.ts'
import type { PaymentFailure } from '../lightning/lightning-backend.ts'
import { payoutOf } from './payout-row.ts'
import { nextAttemptState, nextPayoutState } from './payout-state.ts'
import {
  attemptOf,
  journalOf,
  PayoutStoreError,
  type Attempt,
  type AttemptDraft,
  type PaymentProof,
  type Payout,
  type PayoutDraft,
  type PayoutFailure,
  type PayoutStore,
} from './payout-store.ts'

const leasedSchema = z.tuple([z.tuple([z.boolean(), z.boolean()])])
/** Of the one row that moved, or none. */
const movedSchema = z.array(z.array(z.boolean())).max(1)

/** Payouts in Postgres, of the settler that has the lease of `epoch`. */
export class PgPayoutStore implements PayoutStore {
  readonly #db: Database
  readonly #epoch: number

  constructor({ db, epoch }: { readonly db: Database; readonly epoch: number }) {
    this.#db = db
    this.#epoch = epoch
  }

  async open(draft: PayoutDraft): Promise<Payout> {
    const started = payoutStarted(journalOf(draft))
    const isNew = await this.#leased(
      sql`
      insert into payouts (id, owner, amount_msat, fee_reserve_msat, fee_limit_msat, destination)
      select
        ${draft.id}, ${draft.owner}, ${String(draft.amountMsat)}::bigint,
        ${String(draft.feeReserveMsat)}::bigint, ${String(draft.feeLimitMsat)}::bigint,
        ${toJsonb(draft.destination)}::jsonb
      from lease
      on conflict (id) do nothing
      returning post_json(${postingJson(started)}::jsonb)`,
      // A withdrawal has its payout's id, and waits no more.
      sql`, begun as (
        update withdrawals set begun_at = now() where id = ${draft.id} and exists (select from lease)
      )`,
    ).catch((error: unknown) => {
      if (isUncovered(error)) throw new PostingError('uncovered', `${started.key}: ${draft.owner}`)
      // Also by the same payout, opened at the same moment.
      if (violates(error, 'payouts_under_way')) return false
      throw error
    })
    const there = await this.#find(draft.id)
    if (there === undefined)
      throw new PayoutStoreError('payee_busy', `${draft.owner} has a payout under way`)
    if (!isNew && (there.owner !== draft.owner || there.amountMsat !== draft.amountMsat))
      throw new PayoutStoreError('conflict', `${draft.id} is another payout`)
    return there
  }

  async read(id: string): Promise<Payout> {
    const payout = await this.#find(id)
    if (payout === undefined) throw new PayoutStoreError('not_found', `There is no payout ${id}`)
    return payout
  }

  async recordAttempt(draft: AttemptDraft): Promise<Attempt> {
    return await untilMoved(async () => {
      const { state, attempts } = await this.read(draft.payout)
      const there = attempts[draft.number - 1]
      if (there !== undefined) {
        await this.#assertLease()
        return there
      }
      nextPayoutState(state, 'attempt')
      if (draft.number !== attempts.length + 1)
        throw new PayoutStoreError('conflict', `${draft.payout} has no attempt before that`)
      return (await this.#record(draft)) ? { ...draft, state: 'unresolved' } : undefined
    })
  }

  async attemptFailed(id: string, number: number, failure: PaymentFailure): Promise<void> {
    await untilMoved(async () => {
      const payout = await this.read(id)
      const attempt = attemptOf(payout, number)
      if (nextAttemptState(attempt.state, 'refuse') === attempt.state) return true
      nextPayoutState(payout.state, 'attempt_failed')
      return await this.#move(sql`
        with refused as (
          update payout_attempts set state = 'failed', failure = ${failure}
          where payout_id = ${id} and number = ${number} and state = 'unresolved'
          returning payout_id
        )
        update payouts set state = 'open'
        where id = ${id} and state = 'paying' and exists (select from refused)
        returning true`)
    })
  }

  async succeed(id: string, number: number, proof: PaymentProof): Promise<void> {
    await untilMoved(async () => {
      const payout = await this.read(id)
      const attempt = attemptOf(payout, number)
      nextPayoutState(payout.state, 'succeed')
      if (nextAttemptState(attempt.state, 'prove') === attempt.state) return true
      const { preimage, feeMsat } = proof
      return await this.#move(sql`
        with proven as (
          update payout_attempts
          set state = 'succeeded', preimage = ${preimage}, fee_msat = ${String(feeMsat)}::bigint
          where payout_id = ${id} and number = ${number} and state = 'unresolved'
          returning payout_id
        ), moved as (
          update payouts set state = 'succeeded', finished_at = now()
          where id = ${id} and state = 'paying' and exists (select from proven)
          returning id
        )
        ${postedAndTold(payout, payoutSucceeded(journalOf(payout), feeMsat))}`)
    })
  }

  async giveUp(id: string, failure: PayoutFailure): Promise<void> {
    await untilMoved(async () => {
      const payout = await this.read(id)
      if (nextPayoutState(payout.state, 'give_up') === payout.state) return true
      return await this.#move(sql`
        with moved as (
          update payouts set state = 'failed', failure = ${failure}, finished_at = now()
          where id = ${id} and state = 'open'
          returning id
        )
        ${postedAndTold(payout, payoutFailed(journalOf(payout)))}`)
    })
  }

  async unfinished(after: string, limit: number): Promise<readonly string[]> {
    const rows = await ask(
      this.#db
        .select({ id: payouts.id })
        .from(payouts)
        .where(and(gt(payouts.id, after), inArray(payouts.state, ['open', 'paying'])))
        .orderBy(asc(payouts.id))
        .limit(limit),
    )
    return rows.map(({ id }) => id)
  }

  /** False when somebody else moved the payout in between. */
  async #record({ payout, number, paymentHash, to }: AttemptDraft): Promise<boolean> {
    try {
      return await this.#leased(
        sql`
          insert into payout_attempts (payout_id, number, payment_hash, target)
          select id, ${number}::integer, ${paymentHash}, ${toJsonb(to)}::jsonb from moved
          returning number`,
        sql`, moved as (
          update payouts set state = 'paying'
          where id = ${payout} and state = 'open' and exists (select from lease)
          returning id
        )`,
      )
    } catch (error) {
      if (violates(error, 'payout_attempts_payout_id_number_pk')) return false
      if (!violates(error, 'payout_attempts_hash')) throw error
      throw new PayoutStoreError('hash_used', `${paymentHash} was used before`)
    }
  }

  /**
   * Whether `write` wrote a row. It holds the lease's row until it is done, so that nobody takes the lease
   * over in between. Throws {@link PayoutStoreError} `lease_lost`.
   */
  async #leased(write: SQL, before = sql``): Promise<boolean> {
    const statement = sql`
      with lease as (
        select epoch from settler_lease where id = 1 and epoch = ${this.#epoch}::bigint for share
      )${before}, written as (${write})
      select exists (select from lease), exists (select from written)`
    const [[isHeld, isWritten]] = leasedSchema.parse(await askRows(this.#db, statement))
    if (!isHeld) throw this.#lost()
    return isWritten
  }

  async #assertLease(): Promise<void> {
    const isHeld = and(eq(settlerLease.id, 1), eq(settlerLease.epoch, this.#epoch))
    const [lease] = await ask(this.#db.select().from(settlerLease).where(isHeld))
    if (lease === undefined) throw this.#lost()
  }

  #lost(): PayoutStoreError {
    return new PayoutStoreError('lease_lost', `The lease of epoch ${this.#epoch} is another's`)
  }

  /** Undefined when the row was no longer as it was read. */
  async #move(statement: SQL): Promise<true | undefined> {
    const rows = movedSchema.parse(await askRows(this.#db, statement))
    return rows.length === 1 ? true : undefined
  }

  async #find(id: string): Promise<Payout | undefined> {
    const rows = await ask(
      this.#db
        .select({ payout: payouts, attempt: payoutAttempts })
        .from(payouts)
        .leftJoin(payoutAttempts, eq(payoutAttempts.payoutId, payouts.id))
        .where(eq(payouts.id, id))
        .orderBy(asc(payoutAttempts.number)),
    )
    const attempts = rows.flatMap(({ attempt }) => attempt ?? [])
    return rows[0] && payoutOf(rows[0].payout, attempts)
  }
}

/** Posts the end of a payout that `moved`, and tells its owner's live balance what comes back. */
function postedAndTold({ id, owner }: Payout, posting: Posting): SQL {
  const back = posting.entries.find(({ account }) => account === owner)?.amount ?? 0n
  return sql`
    select
      post_json(${postingJson(posting)}::jsonb),
      tell_account(${`po:${id}:back`}, ${owner}, ${String(back)}::bigint)
    from moved`
}

const violates = (error: unknown, constraint: string): boolean =>
  error instanceof DbError && error.constraint === constraint
