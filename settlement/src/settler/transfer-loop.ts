import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { MAX_TRANSFERS_PER_ASK, type SettlerAsk } from '@infernet/schemas/settler-wire'
import { askRows, type Database } from '../db/database.ts'
import type { AtStep } from './crash-at.ts'
import { EdgeLinkError } from './edge-link-error.ts'
import { ROUND_MS, type WorkLoop } from './work-loop.ts'

const rowsSchema = z.array(z.tuple([z.string(), z.string()]))

export interface Transfer {
  readonly reference: string
  /** When it was written, as Postgres prints it: the order of the rows. */
  readonly createdAt: string
}

/** What live balances have not been told, the oldest first, from after `after`. */
export async function pendingTransfers(
  db: Database,
  after: Transfer | undefined,
  limit: number,
): Promise<readonly Transfer[]> {
  const from = sql`(created_at, reference) > (${after?.createdAt ?? '-infinity'}::timestamptz, ${after?.reference ?? ''})`
  const rows = await askRows(
    db,
    sql`
    select reference, created_at::text from account_transfers
    where state = 'pending' and ${from}
    order by created_at, reference limit ${limit}`,
  )
  return rowsSchema.parse(rows).map(([reference, createdAt]) => ({ reference, createdAt }))
}

export interface TransferLoopParts {
  readonly pending: (after: Transfer | undefined, limit: number) => Promise<readonly Transfer[]>
  readonly edge: { ask(ask: SettlerAsk, signal?: AbortSignal): Promise<unknown> }
  /** Live balances have been told: withdrawals may be paid now. */
  readonly onTold: () => void
  readonly problem: (id: string, error: unknown) => void
  readonly at: AtStep
}

/**
 * Has the edge tell live balances what was posted for them, and take what withdrawals need. The edge reads
 * the rows itself and writes what became of each; a row that it cannot do stays, and is asked for again in
 * the next round, never in the way of those after it.
 */
export const transferLoop = (parts: TransferLoopParts): WorkLoop => ({
  name: 'transfers',
  pauseMs: ROUND_MS,
  async page(signal) {
    const { pending, edge, problem, at, onTold } = parts
    let last: Transfer | undefined
    while (!signal.aborted) {
      const rows = await pending(last, MAX_TRANSFERS_PER_ASK)
      if (rows.length > 0) {
        at('transfer:asking')
        const references = rows.map(({ reference }) => reference)
        await edge.ask({ kind: 'transfers', references }, signal).catch((error: unknown) => {
          if (!isRefusal(error)) throw error
          problem(references[0] ?? '', error)
        })
        at('transfer:asked')
        onTold()
      }
      last = rows.at(-1)
      if (rows.length < MAX_TRANSFERS_PER_ASK) break
    }
    return false
  },
})

const isRefusal = (error: unknown): boolean =>
  error instanceof EdgeLinkError && error.code === 'refused'
