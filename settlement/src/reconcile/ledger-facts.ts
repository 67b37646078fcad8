import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { PAYOUT_STATES } from '@infernet/schemas/payout-state'
import { askRows, toJsonb, type Database } from '../db/database.ts'
import type { InvoiceFact, PaymentFact } from './compare.ts'

/** Lines of `asset:ln` in one statement. */
const LINES_PER_PAGE = 500

const amount = z.coerce.bigint()
const attemptState = z.enum(['unresolved', 'succeeded', 'failed'])
const payoutState = z.enum(PAYOUT_STATES)

const invoiceRows = z.array(z.tuple([z.string(), z.string().nullable(), amount, amount]))

/** What the ledger has under these hashes of invoices, in no order. */
export async function invoiceFacts(
  db: Database,
  hashes: readonly string[],
): Promise<InvoiceFact[]> {
  const rows = await askRows(
    db,
    sql`
    select asked.hash,
      case when top_up.id is not null then coalesce(top_up.credited_to, 'l402:' || asked.hash)
        when escrow.job is not null then 'escrow:' || escrow.job end,
      coalesce(-${ofAssets(sql`'inv:' || asked.hash, 'esc:' || asked.hash`)}, 0),
      coalesce(-${ofAssets(sql`'sus:inv:' || asked.hash`)}, 0)
    from jsonb_array_elements_text(${toJsonb(hashes)}::jsonb) as asked(hash)
    left join top_ups as top_up on top_up.payment_hash = asked.hash
    left join escrows as escrow on escrow.payment_hash = asked.hash`,
  )
  return invoiceRows.parse(rows).map(([hash, owner, bookedMsat, suspendedMsat]) => ({
    hash,
    owner: owner ?? undefined,
    bookedMsat,
    suspendedMsat,
  }))
}

const paymentRows = z.array(
  z.tuple([
    z.string(),
    z
      .object({
        payout: z.string(),
        owner: z.string(),
        state: attemptState,
        payoutState,
        amountMsat: amount,
      })
      .nullable(),
    amount,
    amount,
  ]),
)

/** What the ledger has under these hashes of payments, in no order. */
export async function paymentFacts(
  db: Database,
  hashes: readonly string[],
): Promise<PaymentFact[]> {
  const rows = await askRows(
    db,
    sql`
    select asked.hash,
      case when payout.id is not null then jsonb_build_object(
        'payout', payout.id, 'owner', payout.owner, 'state', attempt.state,
        'payoutState', payout.state, 'amountMsat', payout.amount_msat::text
      )::text end,
      case when attempt.state = 'succeeded'
        then coalesce(${ofAssets(sql`'po:' || payout.id || ':ok'`)}, 0) else 0 end,
      coalesce(${ofAssets(sql`'sus:pay:' || asked.hash`)}, 0)
    from jsonb_array_elements_text(${toJsonb(hashes)}::jsonb) as asked(hash)
    left join payout_attempts as attempt on attempt.payment_hash = asked.hash
    left join payouts as payout on payout.id = attempt.payout_id`,
  )
  return paymentRows
    .parse(parsedSecond(rows))
    .map(([hash, attempt, bookedMsat, suspendedMsat]) => ({
      hash,
      attempt: attempt ?? undefined,
      bookedMsat,
      suspendedMsat,
    }))
}

/** Rows whose second column is JSON, parsed. */
const parsedSecond = (rows: unknown): unknown[][] =>
  z
    .array(z.array(z.unknown()))
    .parse(rows)
    .map((row) => row.with(1, typeof row[1] === 'string' ? JSON.parse(row[1]) : row[1]))

/** What the events with one of these keys have changed `asset:ln` by. */
const ofAssets = (keys: ReturnType<typeof sql>) => sql`(
  select sum(entry.amount_msat) from journal as event
  join entries as entry on entry.journal_id = event.id
  where event.key in (${keys})
    and entry.account_id = (select id from ledger_accounts where code = 'asset:ln')
)`

/** One event that moved `asset:ln`, and by which hash the node must know it. */
export interface AssetLine {
  readonly id: bigint
  readonly key: string
  /** What `asset:ln` changed by, msat. */
  readonly amountMsat: bigint
  /** Of a payout's event: the hash of the attempt that succeeded, if there is one. */
  readonly paymentHash: string | undefined
  readonly owner: string | undefined
}

const lineRows = z.array(
  z.tuple([amount, z.string(), amount, z.string().nullable(), z.string().nullable()]),
)

/** Everything that was ever posted to `asset:ln`, up to the journal's row `mark`, in order. */
export async function* assetLines(db: Database, mark: bigint): AsyncGenerator<AssetLine, void> {
  for (let after = 0n; ;) {
    const rows = await askRows(
      db,
      sql`
      select event.id, event.key, entry.amount_msat, attempt.payment_hash, payout.owner
      from entries as entry
      join journal as event on event.id = entry.journal_id
      left join payouts as payout on event.kind = 'payout_ok' and event.key = 'po:' || payout.id || ':ok'
      left join payout_attempts as attempt on attempt.payout_id = payout.id and attempt.state = 'succeeded'
      where entry.account_id = (select id from ledger_accounts where code = 'asset:ln')
        and entry.journal_id > ${String(after)}::bigint and entry.journal_id <= ${String(mark)}::bigint
      order by entry.journal_id limit ${LINES_PER_PAGE}`,
    )
    const page = lineRows.parse(rows)
    for (const [id, key, amountMsat, paymentHash, owner] of page)
      yield {
        id,
        key,
        amountMsat,
        paymentHash: paymentHash ?? undefined,
        owner: owner ?? undefined,
      }
    const last = page.at(-1)
    if (last === undefined || page.length < LINES_PER_PAGE) return
    after = last[0]
  }
}
