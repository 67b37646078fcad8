import { median, percentile } from '../statistics.ts'
import type { AgentLoad } from './agent-load.ts'
import { medianInterval, type Interval } from './interval.ts'
import type { Window } from './window.ts'

/** What is read from a window; times in µs. */
export const MEASURES = {
  jobsPerSecond: ({ jobs, seconds }: Window) => jobs / seconds,
  askP50: ({ askUs }: Window) => percentile(askUs, 0.5),
  askP90: ({ askUs }: Window) => percentile(askUs, 0.9),
  askP99: ({ askUs }: Window) => percentile(askUs, 0.99),
  chunkP50: ({ chunkUs }: Window) => percentile(chunkUs, 0.5),
  chunkP90: ({ chunkUs }: Window) => percentile(chunkUs, 0.9),
  chunkP99: ({ chunkUs }: Window) => percentile(chunkUs, 0.99),
  cpuPerJob: ({ cpuUs, jobs }: Window) => (jobs === 0 ? undefined : cpuUs / jobs),
} as const
export type Measure = keyof typeof MEASURES

/** One load put on one agent in one round. */
export interface AgentSample {
  readonly round: number
  readonly load: string
  readonly subject: string
  readonly failures: number
  readonly reasons: readonly string[]
  readonly figures: Readonly<Record<Measure, number | undefined>>
}

/** The median over rounds, and that of what it is to the relay's in the same round. */
export interface Figure {
  readonly value: number | undefined
  readonly ratio: number | undefined
  /** Of the ratio; see {@link medianInterval}. */
  readonly interval: Interval | undefined
}

/** One load and agent. */
export interface AgentRow {
  readonly load: string
  readonly subject: string
  readonly failures: number
  readonly reasons: readonly string[]
  readonly figures: Readonly<Record<Measure, Figure>>
}

export function sampleOf(
  round: number,
  load: AgentLoad,
  subject: string,
  window: Window,
): AgentSample {
  const { failures, reasons } = window
  return {
    round,
    load: load.name,
    subject,
    failures,
    reasons,
    figures: eachMeasure((measure) => MEASURES[measure](window)),
  }
}

const eachMeasure = <T>(of: (measure: Measure) => T): Record<Measure, T> =>
  Object.fromEntries(
    Object.keys(MEASURES).map((measure) => [measure, of(measure as Measure)]),
  ) as Record<Measure, T>

/** A row for each load and agent that was measured, in the order of the samples. `base` has a ratio of 1. */
export function agentRows(samples: readonly AgentSample[], base: string): AgentRow[] {
  const groups = Map.groupBy(samples, ({ load, subject }) => `${load} ${subject}`)
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const { load, subject } = first
    const bases = samples.filter((sample) => sample.load === load && sample.subject === base)
    return {
      load,
      subject,
      failures: group.reduce((sum, { failures }) => sum + failures, 0),
      reasons: [...new Set(group.flatMap(({ reasons }) => reasons))],
      figures: eachMeasure((measure) => figureOf(measure, group, bases)),
    }
  })
}

function figureOf(
  measure: Measure,
  group: readonly AgentSample[],
  bases: readonly AgentSample[],
): Figure {
  const values = group.map(({ figures }) => figures[measure])
  const ratios = group.map(({ round, figures }) => {
    const own = figures[measure]
    const other = bases.find((sample) => sample.round === round)?.figures[measure]
    return own === undefined || other === undefined || other <= 0 ? undefined : own / other
  })
  const known = ratios.filter((ratio) => ratio !== undefined)
  return {
    value: median(values.filter((value) => value !== undefined)),
    ratio: median(known),
    interval: medianInterval(known),
  }
}
