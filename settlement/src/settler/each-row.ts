import { CallSlots } from '../payout/call-slots.ts'
import { isAway } from './is-away.ts'
import type { RowTroubles } from './row-troubles.ts'

/** Rows worked on at a time; each is a call or two to the node and the database. */
const PARALLEL = 8

export interface RowWork<Row> {
  readonly rows: readonly Row[]
  readonly idOf: (row: Row) => string
  readonly work: (row: Row) => Promise<unknown>
  readonly troubles: RowTroubles
  /** Called once for a row, at the first of its failures. */
  readonly problem: (id: string, error: unknown) => void
  readonly signal: AbortSignal
}

/**
 * Works on each row that is due. A row's own trouble is noted and stops no other; throws at the end when node,
 * database or edge were away, which is nobody's own. Returns how many went through.
 */
export async function eachRow<Row>(plan: RowWork<Row>): Promise<number> {
  const { rows, idOf, work, troubles, problem, signal } = plan
  const slots = new CallSlots(PARALLEL)
  const away: unknown[] = []
  let through = 0
  const one = async (row: Row): Promise<void> => {
    if (signal.aborted || away.length > 0) return
    const id = idOf(row)
    try {
      await work(row)
      troubles.ended(id)
      through++
    } catch (error) {
      if (isAway(error)) away.push(error)
      else if (troubles.failed(id)) problem(id, error)
    }
  }
  const due = rows.filter((row) => troubles.isDue(idOf(row)))
  // Slots of their own signal: after a stop the rows left over are skipped, not thrown.
  await Promise.all(due.map((row) => slots.run(() => one(row), NEVER)))
  if (away.length > 0) throw away[0]
  return through
}

const NEVER = new AbortController().signal
