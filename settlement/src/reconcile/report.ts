import { adviceOf, levelOf, type Finding } from './finding.ts'
import { isSound, type Reconciliation } from './reconcile.ts'

/** Findings as JSON; amounts are decimal strings of msat. */
export const reportJson = (result: Reconciliation, posted: readonly string[]) => ({
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
  posted,
})

/** Findings as a table for a terminal, and what to do about each kind. */
export function reportTable(result: Reconciliation, posted: readonly string[]): string {
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
    ...(posted.length === 0 ? [] : ['', `posted to suspense: ${posted.join(', ')}`]),
    '',
    isSound(result) ? 'sound' : 'DRIFT',
  ].join('\n')
}

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
