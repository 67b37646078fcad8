/** Prometheus text exposition (format 0.0.4), as small as we need it. */

type Labels = Readonly<Record<string, string>>

/** Time buckets in seconds, from one relay hop to a slow prefill. */
const SECONDS_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
]

/** Label values come from us, except model names; past this many series a metric stops growing. */
const MAX_SERIES = 1_000

interface Metric {
  render(): string[]
}

export class Counter implements Metric {
  readonly #name: string
  readonly #help: string
  readonly #series = new Map<string, number>()

  constructor(name: string, help: string) {
    this.#name = name
    this.#help = help
  }

  add(value = 1, labels: Labels = {}): void {
    const key = render(labels)
    const known = this.#series.get(key)
    if (known === undefined && this.#series.size >= MAX_SERIES) return
    this.#series.set(key, (known ?? 0) + value)
  }

  render(): string[] {
    const lines = [`# HELP ${this.#name} ${this.#help}`, `# TYPE ${this.#name} counter`]
    for (const [labels, value] of this.#series) lines.push(`${this.#name}${labels} ${value}`)
    return lines
  }
}

export class Gauge implements Metric {
  readonly #name: string
  readonly #help: string
  readonly #read: () => number

  /** `read` is called when metrics are asked for. */
  constructor(name: string, help: string, read: () => number) {
    this.#name = name
    this.#help = help
    this.#read = read
  }

  render(): string[] {
    return [
      `# HELP ${this.#name} ${this.#help}`,
      `# TYPE ${this.#name} gauge`,
      `${this.#name} ${this.#read()}`,
    ]
  }
}

export class Histogram implements Metric {
  readonly #name: string
  readonly #help: string
  /** One per bucket, and one for all above. */
  readonly #counts = [...SECONDS_BUCKETS.map(() => 0), 0]
  #sum = 0

  constructor(name: string, help: string) {
    this.#name = name
    this.#help = help
  }

  observe(seconds: number): void {
    const index = SECONDS_BUCKETS.findIndex((bound) => seconds <= bound)
    const bucket = index === -1 ? SECONDS_BUCKETS.length : index
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#sum += seconds
  }

  render(): string[] {
    const lines = [`# HELP ${this.#name} ${this.#help}`, `# TYPE ${this.#name} histogram`]
    let total = 0
    for (const [index, count] of this.#counts.entries()) {
      total += count
      lines.push(`${this.#name}_bucket{le="${SECONDS_BUCKETS[index] ?? '+Inf'}"} ${total}`)
    }
    lines.push(`${this.#name}_sum ${this.#sum}`, `${this.#name}_count ${total}`)
    return lines
  }
}

export const renderMetrics = (metrics: readonly Metric[]): string =>
  metrics.flatMap((metric) => metric.render()).join('\n') + '\n'

function render(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/[\\"\n]/g, '_')}"`,
  )
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}
