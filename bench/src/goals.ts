import type { Row } from './summary.ts'

/** A bound on one figure of Infernet, in absolute terms or as a multiple of another target's. */
interface Goal {
  readonly text: string
  /** The worst of these scenarios counts. */
  readonly scenarios: readonly string[]
  readonly figure: (row: Row) => number | undefined
  readonly direction: 'at most' | 'at least'
  readonly limit: number
  /** The target whose figure is multiplied by `limit`; without it `limit` is the bound itself. */
  readonly against?: 'relay' | 'portkey'
}

const cpuPerRequest = (row: Row) => row.cpuPerRequestUs
const chunksPerSecond = (row: Row) => row.chunksPerSecond
const addedFirstToken = (row: Row) => row.addedFirstTokenP50Us

/** What the design promises, as ratios inside one run wherever the machine's speed would matter. */
export const GOALS: readonly Goal[] = [
  {
    text: 'CPU per JSON request, 32 clients, at most 1.5 x relay',
    scenarios: ['json-32'],
    figure: cpuPerRequest,
    direction: 'at most',
    limit: 1.5,
    against: 'relay',
  },
  {
    text: 'CPU per JSON request, 32 clients, at most 0.4 x Portkey',
    scenarios: ['json-32'],
    figure: cpuPerRequest,
    direction: 'at most',
    limit: 0.4,
    against: 'portkey',
  },
  {
    text: 'burst chunks/s, 32 clients, at least 0.6 x relay',
    scenarios: ['burst-32'],
    figure: chunksPerSecond,
    direction: 'at least',
    limit: 0.6,
    against: 'relay',
  },
  {
    text: 'burst chunks/s, 32 clients, at least 2 x Portkey',
    scenarios: ['burst-32'],
    figure: chunksPerSecond,
    direction: 'at least',
    limit: 2,
    against: 'portkey',
  },
  {
    text: 'added time to first token, one client, at most 2 x relay',
    scenarios: ['burst-1'],
    figure: addedFirstToken,
    direction: 'at most',
    limit: 2,
    against: 'relay',
  },
  {
    text: 'added time to first token, one client, at most 0.2 x Portkey',
    scenarios: ['burst-1'],
    figure: addedFirstToken,
    direction: 'at most',
    limit: 0.2,
    against: 'portkey',
  },
  {
    text: 'chunk delay p99, 32 paced streams, at most 1.5 x relay',
    scenarios: ['paced-32'],
    figure: (row) => row.chunkDelayP99Us,
    direction: 'at most',
    limit: 1.5,
    against: 'relay',
  },
  {
    text: 'added p50 of 64 KB prompts, at most 1.5 x relay',
    scenarios: ['prompt-4'],
    figure: (row) => row.addedP50Us,
    direction: 'at most',
    limit: 1.5,
    against: 'relay',
  },
  {
    text: 'chunk delay p99, 1,000 slow streams on one core, at most 50 ms',
    scenarios: ['crowd-1000'],
    figure: (row) => row.chunkDelayP99Us,
    direction: 'at most',
    limit: 50_000,
  },
  {
    text: 'RSS of the gateway process, 1,000 slow streams, at most 400 MB',
    scenarios: ['crowd-1000'],
    figure: (row) => row.gatewayRssBytes,
    direction: 'at most',
    limit: 400_000_000,
  },
  {
    text: 'every hang-up seen by the engine within 50 ms',
    scenarios: ['hang-up'],
    figure: (row) => row.hangUpWorstUs,
    direction: 'at most',
    limit: 50_000,
  },
  {
    text: 'RSS of the gateway process, 32 clients, at most 200 MB',
    scenarios: ['json-32', 'burst-32', 'paced-32'],
    figure: (row) => row.gatewayRssBytes,
    direction: 'at most',
    limit: 200_000_000,
  },
]

/** A goal held against the figures of one target. */
export interface Verdict {
  readonly target: string
  readonly text: string
  readonly outcome: 'met' | 'NOT met' | 'not measured'
  /** The figure as a multiple of what it is compared with (the other target's, or the bound). */
  readonly ratio: number | undefined
}

/** Judges every goal for `target`. A target that gave a wrong answer in a scenario fails its goals. */
export function judge(rows: readonly Row[], target: string): Verdict[] {
  return GOALS.map((goal) => {
    const own = worst(goal, rows, target)
    const base = goal.against === undefined ? goal.limit : worst(goal, rows, goal.against)
    // A floor of nothing or less (noise) can carry no ratio.
    const ratio = own === undefined || base === undefined || base <= 0 ? undefined : own / base
    const bound = goal.against === undefined ? 1 : goal.limit
    return { target, text: goal.text, ratio, outcome: outcome(goal, rows, target, ratio, bound) }
  })
}

function outcome(
  goal: Goal,
  rows: readonly Row[],
  target: string,
  ratio: number | undefined,
  bound: number,
): Verdict['outcome'] {
  if (rowsOf(goal, rows, target).some((row) => row.failures > 0)) return 'NOT met'
  if (ratio === undefined) return 'not measured'
  const met = goal.direction === 'at most' ? ratio <= bound : ratio >= bound
  return met ? 'met' : 'NOT met'
}

const rowsOf = (goal: Goal, rows: readonly Row[], target: string): Row[] =>
  rows.filter((row) => row.target === target && goal.scenarios.includes(row.scenario))

function worst(goal: Goal, rows: readonly Row[], target: string): number | undefined {
  const values = rowsOf(goal, rows, target)
    .map(goal.figure)
    .filter((value) => value !== undefined)
  if (values.length === 0) return undefined
  return goal.direction === 'at most' ? Math.max(...values) : Math.min(...values)
}
