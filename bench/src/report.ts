import { type AgentFindings, renderAgent } from './agent/agent-report.ts'
import { type DispatchRow, renderDispatch } from './dispatch.ts'
import type { Environment } from './environment.ts'
import type { Verdict } from './goals.ts'
import { type HoldLatency, renderHoldLatency } from './hold-latency.ts'
import { type LedgerFigures, renderLedger } from './ledger.ts'
import { renderSettlement, type SettlementFigures } from './settlement.ts'
import type { Scenario } from './scenario.ts'
import { renderSteps, type StepCost } from './steps.ts'
import type { Row } from './summary.ts'

/** Everything that one run found out; also the shape of the JSON file, beside the raw samples. */
export interface Findings {
  readonly environment: Environment
  readonly scenarios: readonly Scenario[]
  readonly rows: readonly Row[]
  readonly verdicts: readonly Verdict[]
  /** Empty when it was not measured. */
  readonly dispatch: readonly DispatchRow[]
  /** Absent when it was not measured. */
  readonly ledger?: LedgerFigures | undefined
  readonly settlement?: SettlementFigures | undefined
  /** Empty when they were not measured. */
  readonly steps: readonly StepCost[]
  /** Absent when it was not measured. */
  readonly holdLatency?: HoldLatency | undefined
  readonly agent?: AgentFindings | undefined
  /** Why a target is missing, by name. */
  readonly failed: Readonly<Record<string, string>>
}

type Column = readonly [title: string, cell: (row: Row) => string]

const fixed = (value: number | undefined, scale: number, digits: number): string => {
  if (value === undefined) return '–'
  if (!Number.isFinite(value)) return 'never'
  return (value / scale).toFixed(digits)
}
const ms = (value: number | undefined) => fixed(value, 1_000, 2)
const us = (value: number | undefined) => fixed(value, 1, 1)
const megabytes = (value: number | undefined) => fixed(value, 1_000_000, 0)
const whole = (value: number | undefined) => fixed(value, 1, 0)

const NAME: Column = ['target', (row) => row.target]
const RESOURCES: readonly Column[] = [
  ['gateway RSS MB', (row) => megabytes(row.gatewayRssBytes)],
  ['all RSS MB', (row) => megabytes(row.totalRssBytes)],
  ['failures', (row) => (row.failures === 0 ? '0' : `**${row.failures}**`)],
]

const JSON_COLUMNS: readonly Column[] = [
  NAME,
  ['requests/s', (row) => whole(row.requestsPerSecond)],
  ['p50 ms', (row) => ms(row.latencyP50Us)],
  ['p99 ms', (row) => ms(row.latencyP99Us)],
  ['added p50 ms', (row) => ms(row.addedP50Us)],
  ['added p99 ms', (row) => ms(row.addedP99Us)],
  ['CPU µs/request', (row) => us(row.cpuPerRequestUs)],
  ['database CPU µs/request', (row) => us(row.besideCpuPerRequestUs)],
  ...RESOURCES,
]

const STREAM_COLUMNS: readonly Column[] = [
  NAME,
  ['chunks/s', (row) => whole(row.chunksPerSecond)],
  ['TTFT p50 ms', (row) => ms(row.firstTokenP50Us)],
  ['added TTFT ms', (row) => ms(row.addedFirstTokenP50Us)],
  ['added p50 ms', (row) => ms(row.addedP50Us)],
  ['added p99 ms', (row) => ms(row.addedP99Us)],
  ['chunk delay p50 ms', (row) => ms(row.chunkDelayP50Us)],
  ['chunk delay p99 ms', (row) => ms(row.chunkDelayP99Us)],
  ['CPU µs/chunk', (row) => us(row.cpuPerChunkUs)],
  ['CPU µs/request', (row) => us(row.cpuPerRequestUs)],
  ['database CPU µs/request', (row) => us(row.besideCpuPerRequestUs)],
  ...RESOURCES,
]

const HANG_UP_COLUMNS: readonly Column[] = [
  NAME,
  ['seen after, median ms', (row) => ms(row.hangUpMedianUs)],
  ['worst ms', (row) => ms(row.hangUpWorstUs)],
  ['chunks generated of 200', (row) => whole(row.chunksSentAfterHangUp)],
  ['failures', (row) => String(row.failures)],
]

/** Renders the findings as Markdown: goals first, then one table for each scenario. */
export function renderMarkdown(findings: Findings): string {
  const { environment, scenarios, rows, verdicts, failed } = findings
  const { date, commit, node, cpu, cores, loadAverage } = environment
  const about = `${date}, commit ${commit}, Node ${node}, ${cores} x ${cpu}, load ${loadAverage}`
  return [
    '# Benchmark\n',
    `${about}. Medians over ${environment.rounds} interleaved round(s). Method: bench/README.md.\n`,
    ...Object.entries(failed).map(
      ([name, reason]) => `**${name} FAILED:**\n\n~~~text\n${reason}\n~~~\n`,
    ),
    ...goalSection(verdicts),
    ...renderDispatch(findings.dispatch),
    ...renderLedger(findings.ledger),
    ...renderSettlement(findings.settlement),
    ...renderSteps(findings.steps),
    ...renderHoldLatency(findings.holdLatency),
    ...renderAgent(findings.agent),
    ...scenarios.flatMap((scenario) => [
      `## ${scenario.title} (\`${scenario.name}\`)\n`,
      `${table(
        columnsOf(scenario),
        rows.filter((row) => row.scenario === scenario.name),
      )}\n`,
    ]),
  ].join('\n')
}

function columnsOf(scenario: Scenario): readonly Column[] {
  if (scenario.kind === 'hang-up') return HANG_UP_COLUMNS
  return scenario.request.stream ? STREAM_COLUMNS : JSON_COLUMNS
}

function goalSection(verdicts: readonly Verdict[]): string[] {
  if (verdicts.length === 0) return ['No Infernet target was measured, so no goal was judged.\n']
  const lines = verdicts.map(
    ({ target, text, outcome, ratio }) =>
      `| ${target} | ${text} | ${outcome} | ${fixed(ratio, 1, 2)} |`,
  )
  return ['## Goals\n', '| target | goal | outcome | ratio |\n|---|---|---|---|', ...lines, '']
}

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

function table(columns: readonly Column[], rows: readonly Row[]): string {
  return [
    line(columns.map(([title]) => title)),
    `|${columns.map((_, index) => (index === 0 ? '---' : '---:')).join('|')}|`,
    ...rows.map((row) => line(columns.map(([, cell]) => cell(row)))),
  ].join('\n')
}
