import { countOf, type Histogram } from './histogram.ts'

/** Prometheus text exposition, format 0.0.4, as small as the agent needs it. */

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

type Labels = Readonly<Record<string, string>>

/** One line of a metric. */
export interface Sample {
  readonly labels?: Labels
  readonly value: number | bigint
}

export interface Metric {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly lines: readonly string[]
}

/** `values` is one number, or several told apart by their labels. */
export const metric = (
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  values: number | bigint | readonly Sample[],
): Metric => ({
  name,
  help,
  type,
  lines: (Array.isArray(values)
    ? (values as readonly Sample[])
    : [{ value: values as number }]
  ).map(({ labels, value }) => `${name}${braced(labels)} ${value}`),
})

/** A histogram whose bounds and sum are divided by `unit`: 1000 for ms as seconds. */
export function histogramMetric(
  name: string,
  help: string,
  histogram: Histogram,
  unit = 1,
): Metric {
  let below = 0
  const buckets = histogram.counts.map((count, index) => {
    below += count
    const bound = histogram.bounds[index]
    const le = bound === undefined ? '+Inf' : String(bound / unit)
    return `${name}_bucket${braced({ le })} ${below}`
  })
  const lines = [
    ...buckets,
    `${name}_sum ${histogram.sum / unit}`,
    `${name}_count ${countOf(histogram)}`,
  ]
  return { name, help, type: 'histogram', lines }
}

/** The text that Prometheus reads. */
export const exposition = (metrics: readonly Metric[]): string =>
  metrics
    .flatMap(({ name, help, type, lines }) => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
      ...lines,
    ])
    .map((line) => `${line}\n`)
    .join('')

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' }

function braced(labels: Labels = {}): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (char) => ESCAPES[char] ?? char)}"`,
  )
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}
