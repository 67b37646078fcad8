/** What a server says of its load in Prometheus' text. */
export interface GaugeReading {
  readonly running: number
  readonly waiting: number
  /** Share of the key-value cache that requests take, 0 to 1; undefined where it does not say. */
  readonly kvUse: number | undefined
  /** Tokens written since its start: less than before means that it was started again. */
  readonly written: number | undefined
}

/** The names of one engine; of several names for a thing the first that is there counts. */
interface GaugeNames {
  readonly running: readonly string[]
  readonly waiting: readonly string[]
  readonly kvUse: readonly string[]
  readonly written: readonly string[]
}

/** The newer names first. */
const ENGINES: readonly GaugeNames[] = [
  {
    running: ['vllm:num_requests_running'],
    waiting: ['vllm:num_requests_waiting'],
    kvUse: ['vllm:kv_cache_usage_perc', 'vllm:gpu_cache_usage_perc'],
    written: ['vllm:generation_tokens_total'],
  },
  {
    running: ['llamacpp:requests_processing'],
    waiting: ['llamacpp:requests_deferred'],
    // Gone from newer ones, whose slots say it.
    kvUse: ['llamacpp:kv_cache_usage_ratio'],
    written: ['llamacpp:tokens_predicted_total'],
  },
  {
    running: ['sglang:num_running_reqs'],
    waiting: ['sglang:num_queue_reqs'],
    kvUse: ['sglang:token_usage'],
    written: ['sglang:generation_tokens_total'],
  },
  {
    running: ['tgi_batch_current_size'],
    waiting: ['tgi_queue_size'],
    // It tells tokens, and not of how many.
    kvUse: [],
    written: ['tgi_request_generated_tokens_sum'],
  },
]

/** Name, labels, value. */
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{.*\})? ([^ ]+)/

/** Several samples of one name are those of one server's engines. */
interface Samples {
  sum: number
  count: number
}

/** Reads the load of any engine that we know; undefined where there is none in the text. */
export function readGauges(text: string): GaugeReading | undefined {
  const samples = samplesIn(text)
  for (const { running, waiting, kvUse, written } of ENGINES) {
    const [runs, waits] = [first(samples, running), first(samples, waiting)]
    if (runs === undefined || waits === undefined) continue
    const used = first(samples, kvUse)
    return {
      running: Math.round(runs.sum),
      waiting: Math.round(waits.sum),
      kvUse: used === undefined ? undefined : Math.min(1, used.sum / used.count),
      written: first(samples, written)?.sum,
    }
  }
  return undefined
}

const WANTED: ReadonlySet<string> = new Set(
  ENGINES.flatMap((names) => [names.running, names.waiting, names.kvUse, names.written].flat()),
)

function samplesIn(text: string): ReadonlyMap<string, Samples> {
  const samples = new Map<string, Samples>()
  for (const line of text.split('\n')) {
    const [, name = '', written] = SAMPLE.exec(line) ?? []
    const value = Number(written)
    if (!WANTED.has(name) || !Number.isFinite(value) || value < 0) continue
    const { sum, count } = samples.get(name) ?? { sum: 0, count: 0 }
    samples.set(name, { sum: sum + value, count: count + 1 })
  }
  return samples
}

function first(
  samples: ReadonlyMap<string, Samples>,
  names: readonly string[],
): Samples | undefined {
  for (const name of names) {
    const found = samples.get(name)
    if (found !== undefined) return found
  }
  return undefined
}
