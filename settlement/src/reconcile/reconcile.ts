import { post, PostRefused } from '../db/post.ts'
import type { Database } from '../db/database.ts'
import type { LightningBackend, NodeInfo } from '../lightning/lightning-backend.ts'
import {
  bookBalances,
  driftedBalances,
  journalMark,
  stuckAttempts,
  unbalancedEvents,
} from './books-facts.ts'
import { compareBooks } from './compare.ts'
import { levelOf, suspenseOf, type Finding } from './finding.ts'
import { reconcileAccounts, type AccountsOptions, type LiveBalances } from './reconcile-accounts.ts'
import { reconcileNode, type NodeOptions } from './reconcile-node.ts'

/** Findings that are told; what is beyond is counted. */
const MAX_FINDINGS = 1_000

export interface Sides {
  readonly db: Database
  readonly node: LightningBackend
  /** Undefined: live balances are not compared. */
  readonly live: LiveBalances | undefined
}

export interface Reconciliation {
  readonly node: NodeInfo
  readonly findings: readonly Finding[]
  /** Findings that are not told, because there are too many. */
  readonly omitted: number
  readonly checked: {
    readonly invoices: number
    readonly payments: number
    readonly lines: number
    /** Undefined: nobody asked the edge. */
    readonly accounts: number | undefined
  }
}

/** Compares the ledger with itself, with the node and with live balances. Changes nothing. */
export async function reconcile(
  { db, node, live }: Sides,
  options: NodeOptions & AccountsOptions,
): Promise<Reconciliation> {
  const findings: Finding[] = []
  const info = await node.info()
  findings.push(...(await someOf(unbalancedEvents(db, await journalMark(db)))))
  findings.push(...(await someOf(driftedBalances(db))))
  const { localMsat, unsettledLocalMsat } = await node.balance()
  findings.push(...compareBooks(await bookBalances(db), localMsat + unsettledLocalMsat))
  findings.push(...(await stuckAttempts(db)))
  const atNode = await reconcileNode(db, node, options)
  findings.push(...atNode.findings)
  const ofAccounts = live && (await reconcileAccounts(db, live, options))
  findings.push(...(ofAccounts?.findings ?? []))
  const { invoices, payments, lines } = atNode
  return {
    node: info,
    findings: findings.slice(0, MAX_FINDINGS),
    omitted: atNode.omitted + Math.max(0, findings.length - MAX_FINDINGS),
    checked: { invoices, payments, lines, accounts: ofAccounts?.accounts },
  }
}

/** The first ones, and one more where there are more. */
async function someOf(all: AsyncIterable<Finding>): Promise<Finding[]> {
  const some: Finding[] = []
  for await (const finding of all) if (some.push(finding) > MAX_FINDINGS) break
  return some
}

export const isSound = ({ findings, omitted }: Reconciliation): boolean =>
  omitted === 0 && findings.every((finding) => levelOf(finding) !== 'drift')

/** More than this is no case for a program. */
const MAX_POSTINGS = 100

export class SuspenseError extends Error {
  override readonly name = 'SuspenseError'
  readonly code = 'too_much'
}

/**
 * Moves to suspense what the node and `asset:ln` disagree about and nothing else will book; once per
 * reference. Returns the keys that are new. Throws {@link SuspenseError}, and posts nothing, when it is
 * over `limitMsat` or over {@link MAX_POSTINGS}.
 */
export async function postToSuspense(
  db: Database,
  { findings, omitted }: Reconciliation,
  limitMsat: bigint,
  at: Date,
): Promise<string[]> {
  const postings = findings.flatMap((finding) => suspenseOf(finding) ?? [])
  const total = findings
    .filter((finding) => suspenseOf(finding) !== undefined)
    .reduce((sum, { actualMsat, expectedMsat }) => sum + abs(actualMsat - expectedMsat), 0n)
  if (omitted > 0 || postings.length > MAX_POSTINGS || total > limitMsat)
    throw new SuspenseError(
      `${postings.length} findings of ${total} msat are too much to go to suspense by themselves`,
    )
  const posted: string[] = []
  for (const posting of postings) {
    try {
      if ((await post(db, posting, at)) === 'posted') posted.push(posting.key)
    } catch (error) {
      // It was in suspense before, with another amount: now somebody has to look.
      if (!(error instanceof PostRefused && error.code === 'key_conflict')) throw error
    }
  }
  return posted
}

const abs = (amount: bigint): bigint => (amount < 0n ? -amount : amount)
