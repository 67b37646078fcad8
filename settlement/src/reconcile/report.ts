import { adviceOf, levelOf, type Finding } from './finding.ts'
import { isSound, type Reconciliation } from './reconcile.ts'
import type { SuspenseMove } from './to-suspense.ts'

/** Findings as JSON; amounts are decimal strings of msat. */
export const reportJson = (result: Reconciliation, moves: readonly SuspenseMove[]) => ({
  object: 'reconciliation',
  sound: isSound(result),
  node: {
    pubkey: result.node.pubkey,
    network: result.node.network,
    simulated: result.node.simulated,
  },
  checked: { ...result.checked, accounts: result.checked.accounts ?? null },
  findings: result.findings.map((finding) => ({
    level: levelOf(finding),
    kind: finding.kind,
    account: finding.account,
    reference: finding.reference,
    expected_msat: String(finding.expectedMsat),
    actual_msat: String(finding.actualMsat),
    difference_msat: String(differenceOf(finding)),
    advice: adviceOf(finding),
  })),
  omitted: result.omitted,
  posted: moves.filter(({ left }) => left === undefined).map(moveJson),
  not_posted: moves.flatMap((move) =>
    move.left === undefined ? [] : [{ ...moveJson(move), reason: move.left }],
  ),
})

const moveJson = ({ posting, amountMsat }: SuspenseMove) => ({
  key: posting.key,
  amount_msat: String(amountMsat),
})

/** Findings as a table for a terminal, what to do about each kind, and what went to suspense. */
export function reportTable(result: Reconciliation, moves: readonly SuspenseMove[]): string {
  const { node, checked, findings, omitted } = result
  const simulated = node.simulated ? ', SIMULATED' : ''
  const accounts =
    checked.accounts === undefined ? 'live balances not compared' : `${checked.accounts} accounts`
  const head = [
    `node ${node.pubkey} (${node.network}${simulated})`,
    `${checked.invoices} settled invoices, ${checked.payments} payments, ${checked.lines} postings, ${accounts}`,
  ]
  const rows = findings.map((finding) => [
    levelOf(finding),
    finding.kind,
    finding.account,
    String(finding.expectedMsat),
    String(finding.actualMsat),
    String(differenceOf(finding)),
    finding.reference,
  ])
  const advice = new Map(findings.map((finding) => [finding.kind, adviceOf(finding)]))
  return [
    ...head,
    ...(rows.length === 0 ? [] : ['', ...columns([HEAD, ...rows])]),
    ...(omitted === 0 ? [] : [`and ${omitted} more`]),
    ...(advice.size === 0 ? [] : ['', ...[...advice].map(([kind, text]) => `${kind}: ${text}`)]),
    ...(moves.length === 0 ? [] : ['', ...moves.map(moveLine)]),
    '',
    isSound(result) ? 'sound' : 'DRIFT',
  ].join('\n')
}

const moveLine = ({ posting, amountMsat, left }: SuspenseMove): string =>
  left === undefined
    ? `posted to suspense: ${posting.key}, ${amountMsat} msat`
    : `not posted to suspense: ${posting.key}, ${amountMsat} msat: ${left}`

const HEAD = ['level', 'what', 'account', 'expected', 'actual', 'difference', 'reference']
/** Columns of numbers. */
const RIGHT: ReadonlySet<number> = new Set([3, 4, 5])

function columns(rows: readonly string[][]): string[] {
  const widths = HEAD.map((_, n) => Math.max(...rows.map((row) => row[n]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, n) =>
        RIGHT.has(n) ? cell.padStart(widths[n] ?? 0) : cell.padEnd(widths[n] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
}

const differenceOf = ({ actualMsat, expectedMsat }: Finding): bigint => actualMsat - expectedMsat
