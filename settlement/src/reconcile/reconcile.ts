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
import { levelOf, type Finding } from './finding.ts'
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
