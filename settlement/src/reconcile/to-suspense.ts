import type { Database } from '../db/database.ts'
import { post, PostRefused } from '../db/post.ts'
import type { Posting } from '../ledger/posting.ts'
import { suspendsOf, suspenseOf, type Finding } from './finding.ts'
import type { Reconciliation } from './reconcile.ts'

/** More than this is no case for a program. */
const MAX_POSTINGS = 100

/** What of one finding goes to suspense, and whether it did. */
export interface SuspenseMove {
  readonly posting: Posting
  /** What suspense gets, msat; below zero where the node has less than the ledger. */
  readonly amountMsat: bigint
  /** Why it was not posted; undefined: it was, just now. */
  readonly left: string | undefined
}

export interface SuspenseOptions {
  /** The most that is moved, msat, amounts of either sign added up. */
  readonly limitMsat: bigint
  /** Only says what would be posted. */
  readonly isDry: boolean
}

/**
 * What the node and `asset:ln` disagree about and nothing else will book, each with the reason to leave it where
 * there is one. The absence of a record explains nothing at a node that may not be the one that had it.
 */
export function planSuspense(
  { findings, omitted }: Reconciliation,
  { limitMsat, isDry }: SuspenseOptions,
): SuspenseMove[] {
  const moves = findings.flatMap((finding) => {
    const posting = suspenseOf(finding)
    const amountMsat = finding.actualMsat - finding.expectedMsat
    return posting === undefined ? [] : [{ posting, amountMsat, finding }]
  })
  const total = moves.reduce((sum, { amountMsat }) => sum + abs(amountMsat), 0n)
  const isTooMuch = omitted > 0 || moves.length > MAX_POSTINGS || total > limitMsat
  const ofAll = isTooMuch
    ? `${moves.length + omitted} findings of ${total} msat are too much to go to suspense by themselves`
    : undefined
  const ofLacking = isAnotherNode(findings)
    ? 'the node is older than the ledger, or is not the only one whose invoices the ledger has read'
    : undefined
  return moves.map(({ posting, amountMsat, finding }) => {
    const own = suspendsOf(finding) === 'lacking' ? ofLacking : undefined
    return { posting, amountMsat, left: ofAll ?? own ?? (isDry ? 'dry run' : undefined) }
  })
}

const isAnotherNode = (findings: readonly Finding[]): boolean =>
  findings.some(({ kind }) => kind === 'settle_index_behind' || kind === 'other_node')

/**
 * Posts what nothing speaks against, once per reference: the same again is left, and so is what the database
 * refuses. Says of each what became of it, and does not throw, for what was posted before has to be told.
 */
export async function postSuspense(
  db: Database,
  moves: readonly SuspenseMove[],
  at: Date,
): Promise<SuspenseMove[]> {
  const done: SuspenseMove[] = []
  for (const move of moves)
    done.push({ ...move, left: move.left ?? (await refusalOf(db, move.posting, at)) })
  return done
}

async function refusalOf(db: Database, posting: Posting, at: Date): Promise<string | undefined> {
  try {
    return (await post(db, posting, at)) === 'posted' ? undefined : 'it was in suspense before'
  } catch (error) {
    if (error instanceof PostRefused && error.code === 'key_conflict')
      return 'it was in suspense before, with another amount'
    return error instanceof Error ? error.message : String(error)
  }
}

const abs = (amount: bigint): bigint => (amount < 0n ? -amount : amount)
