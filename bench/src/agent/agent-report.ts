import type { AgentRow, Figure, Measure } from './agent-figures.ts'
import { AGENT_LOADS } from './agent-load.ts'
import type { Idle } from './idle.ts'

/** What was found out about agents. */
export interface AgentFindings {
  readonly rows: readonly AgentRow[]
  /** Before anything was asked of them. */
  readonly idle: readonly Idle[]
}

/** A section of the Markdown report; nothing when agents were not measured. */
export function renderAgent(findings: AgentFindings | undefined): string[] {
  if (findings === undefined) return []
  const { rows, idle } = findings
  return [
    '## What an agent adds, beside the bare relay\u2019s (`agent`)\n',
    'µs p50 / p90 / p99; x: to the relay in the same round, p50 and p99, with 95 % intervals.\n',
    ...section('frame in → engine request out', rows, ['askP50', 'askP90', 'askP99']),
    ...section('engine chunk in → frame out', rows, ['chunkP50', 'chunkP90', 'chunkP99']),
    ...costs(rows),
    '### idle\n',
    '| agent | RSS MB | % of a processor |\n|---|---:|---:|',
    ...idle.map(
      ({ subject, rssBytes, cpuShare }) =>
        `| ${subject} | ${(rssBytes / 1e6).toFixed(0)} | ${(cpuShare * 100).toFixed(2)} |`,
    ),
    '',
  ]
}

type Percentiles = readonly [p50: Measure, p90: Measure, p99: Measure]

function section(title: string, rows: readonly AgentRow[], measures: Percentiles): string[] {
  const [p50, , p99] = measures
  const lines = rows.map(({ load, subject, figures }) => {
    const spread = measures.map((measure) => whole(figures[measure].value)).join(' / ')
    const ratios = subject === 'relay' ? ['', ''] : [times(figures[p50]), times(figures[p99])]
    return `| ${titleOf(load)} | ${subject} | ${spread} | ${ratios.join(' | ')} |`
  })
  return [
    `### ${title}\n`,
    '| load | agent | µs | p50 x | p99 x |\n|---|---|---:|---:|---:|',
    ...lines,
    '',
  ]
}

function costs(rows: readonly AgentRow[]): string[] {
  const lines = rows.map(({ load, subject, figures, failures }) => {
    const { cpuPerJob, jobsPerSecond } = figures
    const ratio = subject === 'relay' ? '' : times(cpuPerJob)
    const failed = failures === 0 ? '0' : `**${failures}**`
    return `| ${titleOf(load)} | ${subject} | ${whole(jobsPerSecond.value)} | ${whole(cpuPerJob.value)} | ${ratio} | ${failed} |`
  })
  return [
    '### what it costs\n',
    '| load | agent | jobs/s | CPU µs/job | x | failures |\n|---|---|---:|---:|---:|---:|',
    ...lines,
    '',
  ]
}

const titleOf = (load: string): string =>
  AGENT_LOADS.find(({ name }) => name === load)?.title ?? load

const whole = (value: number | undefined): string => value?.toFixed(0) ?? '–'

function times({ ratio, interval }: Figure): string {
  if (ratio === undefined) return '–'
  const within = interval && ` (${interval.low.toFixed(2)}–${interval.high.toFixed(2)})`
  return ratio.toFixed(2) + (within ?? '')
}
