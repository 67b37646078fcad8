/** Prometheus text exposition (format 0.0.4), as small as we need it. */

export type Labels = Readonly<Record<string, string>>

/** Time buckets in seconds, from one relay hop to a slow prefill. */
const SECONDS_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
]

/** Some label values come from strangers; past this many series a metric stops growing. */
const MAX_SERIES = 1_000
/** The same for histograms, each of whose series is some 16 lines. */
const MAX_HISTOGRAM_SERIES = 500

export interface Metric {
  render(): string[]
}

/** One line of a counter. Whoever counts often keeps it instead of naming its labels each time. */
export class CounterSeries {
  #value = 0

  add(value = 1): void {
    this.#value += value
  }

  render(name: string, labels: string): string[] {
    return [`${name}${braced(labels)} ${this.#value}`]
  }
}

/** The lines of one histogram with one set of labels. */
export class HistogramSeries {
  readonly #bounds: readonly number[]
  /** One per bucket, and one for all above. */
  readonly #counts: number[]
  #sum = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = [...bounds.map(() => 0), 0]
  }

  observe(value: number): void {
    const bounds = this.#bounds
    let bucket = 0
    while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket++
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#sum += value
  }

  render(name: string, labels: string): string[] {
    const lines: string[] = []
    let total = 0
    for (const [index, count] of this.#counts.entries()) {
      total += count
      const bound = `le="${this.#bounds[index] ?? '+Inf'}"`
      lines.push(`${name}_bucket${braced(labels === '' ? bound : `${labels},${bound}`)} ${total}`)
    }
    lines.push(`${name}_sum${braced(labels)} ${this.#sum}`)
    lines.push(`${name}_count${braced(labels)} ${total}`)
    return lines
  }
}

interface Series {
  render(name: string, labels: string): string[]
}

/** All series of one metric, by their labels; beyond `maxSeries` new ones are counted nowhere. */
class Family<S extends Series> implements Metric {
  readonly #name: string
  readonly #header: string[]
  readonly #series = new Map<string, S>()
  readonly #make: () => S
  readonly #maxSeries: number

  constructor(options: {
    name: string
    help: string
    type: string
    make: () => S
    maxSeries: number
  }) {
    this.#name = options.name
    this.#header = headerOf(options.name, options.help, options.type)
    this.#make = options.make
    this.#maxSeries = options.maxSeries
  }

  series(labels: Labels = {}): S {
    const key = labelText(labels)
    const known = this.#series.get(key)
    if (known !== undefined) return known
    const series = this.#make()
    if (this.#series.size < this.#maxSeries) this.#series.set(key, series)
    return series
  }

  render(): string[] {
    const lines = [...this.#header]
    for (const [labels, series] of this.#series) lines.push(...series.render(this.#name, labels))
    return lines
  }
}

const newCounter = (): CounterSeries => new CounterSeries()

export class Counter extends Family<CounterSeries> {
  constructor(name: string, help: string) {
    super({ name, help, type: 'counter', make: newCounter, maxSeries: MAX_SERIES })
  }

  add(value = 1, labels: Labels = {}): void {
    this.series(labels).add(value)
  }
}

export class Histogram extends Family<HistogramSeries> {
  /** `bounds` rise; without them the observations are seconds. */
  constructor(name: string, help: string, bounds: readonly number[] = SECONDS_BUCKETS) {
    const make = (): HistogramSeries => new HistogramSeries(bounds)
    super({ name, help, type: 'histogram', make, maxSeries: MAX_HISTOGRAM_SERIES })
  }

  observe(value: number, labels: Labels = {}): void {
    this.series(labels).observe(value)
  }
}

/** A value that is read when metrics are asked for; with labels, several. */
type Reading = number | readonly { readonly labels: Labels; readonly value: number }[]

export class Gauge implements Metric {
  readonly #name: string
  readonly #help: string
  readonly #type: 'gauge' | 'counter'
  readonly #read: () => Reading

  /** `type` is `counter` for a count that somebody else keeps. */
  constructor(
    name: string,
    help: string,
    read: () => Reading,
    type: 'gauge' | 'counter' = 'gauge',
  ) {
    this.#name = name
    this.#help = help
    this.#type = type
    this.#read = read
  }

  render(): string[] {
    const reading = this.#read()
    const values = typeof reading === 'number' ? [{ labels: {}, value: reading }] : reading
    return [
      ...headerOf(this.#name, this.#help, this.#type),
      ...values.map(({ labels, value }) => `${this.#name}${braced(labelText(labels))} ${value}`),
    ]
  }
}

export const renderMetrics = (metrics: readonly Metric[]): string =>
  metrics.flatMap((metric) => metric.render()).join('\n') + '\n'

const HEADER = /^# (?:HELP|TYPE) (\S+) /
const SAMPLE = /^([^{ ]+)(?:\{(.*)\})? (\S+)$/

/** One text out of several of ours: each metric once, its lines told apart by their text's labels. */
export function mergeMetrics(texts: readonly { labels: Labels; text: string }[]): string {
  const families = new Map<string, { header: Set<string>; lines: string[] }>()
  for (const { labels, text } of texts) {
    const own = labelText(labels)
    let family: { header: Set<string>; lines: string[] } | undefined
    for (const line of text.split('\n')) {
      const name = HEADER.exec(line)?.[1]
      if (name !== undefined) {
        family = families.get(name) ?? { header: new Set(), lines: [] }
        families.set(name, family)
        family.header.add(line)
        continue
      }
      const [, sample, theirs, value] = SAMPLE.exec(line) ?? []
      const all = [own, theirs ?? ''].filter((part) => part !== '').join(',')
      if (sample !== undefined) family?.lines.push(`${sample}${braced(all)} ${value}`)
    }
  }
  const merged = [...families.values()].flatMap(({ header, lines }) => [...header, ...lines])
  return merged.map((line) => `${line}\n`).join('')
}

const headerOf = (name: string, help: string, type: string): string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${type}`,
]

const labelText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, '_')}"`)
    .join(',')

const braced = (labels: string): string => (labels === '' ? '' : `{${labels}}`)
