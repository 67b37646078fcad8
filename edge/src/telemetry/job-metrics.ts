import type { JobRecord } from '@infernet/schemas/job-record'
import {
  Counter,
  Histogram,
  type CounterSeries,
  type HistogramSeries,
  type Labels,
  type Metric,
} from '../metrics.ts'
import { operationName, PROVIDER_NAME } from './gen-ai.ts'

/** Models with series of their own. Providers name models, so the rest share one name. */
export const MAX_NAMED_MODELS = 100
const OTHER_MODELS = '_other'
/** Error codes whose series are kept at hand; we have some twenty. */
const MAX_ERROR_CODES = 64

/** Bucket bounds that the GenAI semantic conventions recommend; seconds, and tokens. */
const DURATION_BUCKETS = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
]
const FIRST_TOKEN_BUCKETS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
]
const PER_TOKEN_BUCKETS = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5]
const TOKEN_BUCKETS = [
  1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
]

/** The series of one engine call on one model. */
interface ModelSeries {
  readonly labels: Labels
  readonly firstToken: HistogramSeries
  readonly perToken: HistogramSeries
  readonly input: HistogramSeries
  readonly output: HistogramSeries
  /** By error code; null for none. */
  readonly durations: Map<string | null, HistogramSeries>
}

/**
 * What is counted when a job ends: our own metrics, and the GenAI semantic conventions' (OpenTelemetry)
 * in Prometheus' spelling, with billed tokens. A job costs a few map look-ups and no new string
 * (0.4 µs measured), because every series is found once and kept.
 */
export class JobMetrics {
  readonly #jobs = new Counter('infernet_jobs_total', 'Jobs ended, by how they ended.')
  readonly #attempts = new Counter('infernet_attempts_total', 'Leases given to providers.')
  readonly #tokens = new Counter('infernet_tokens_total', 'Tokens billed, by kind.')
  readonly #cost = new Counter('infernet_cost_msat_total', 'Msat captured from clients.')
  readonly #firstByte = new Histogram(
    'infernet_first_byte_seconds',
    'Request to the first byte of its answer.',
  )
  readonly #jobSeconds = new Histogram('infernet_job_seconds', 'Request to the end of its job.')
  readonly #duration = new Histogram(
    'gen_ai_client_operation_duration_seconds',
    'Request to the last byte of its answer.',
    DURATION_BUCKETS,
  )
  readonly #firstToken = new Histogram(
    'gen_ai_server_time_to_first_token_seconds',
    'Request to the first byte of a completed stream.',
    FIRST_TOKEN_BUCKETS,
  )
  readonly #perToken = new Histogram(
    'gen_ai_server_time_per_output_token_seconds',
    'Time per token after the first, of completed streams.',
    PER_TOKEN_BUCKETS,
  )
  readonly #usage = new Histogram(
    'gen_ai_client_token_usage',
    'Billed tokens of a request.',
    TOKEN_BUCKETS,
  )
  readonly all: readonly Metric[] = [
    this.#jobs,
    this.#attempts,
    this.#tokens,
    this.#cost,
    this.#firstByte,
    this.#jobSeconds,
    this.#duration,
    this.#firstToken,
    this.#perToken,
    this.#usage,
  ]

  readonly #attemptSeries = this.#attempts.series()
  readonly #promptSeries = this.#tokens.series({ kind: 'prompt' })
  readonly #completionSeries = this.#tokens.series({ kind: 'completion' })
  readonly #costSeries = this.#cost.series()
  readonly #firstByteSeries = this.#firstByte.series()
  readonly #jobSecondsSeries = this.#jobSeconds.series()
  readonly #endings = new Map<string, Map<string | null, CounterSeries>>()
  /** By model, then by endpoint. */
  readonly #models = new Map<string, Map<string, ModelSeries>>()
  readonly #others = new Map<string, ModelSeries>()

  jobEnded(record: JobRecord): void {
    const { errorCode, firstByteMs, promptTokens, completionTokens } = record
    const seconds = record.totalMs / 1000
    this.#ending(record.status, errorCode).add()
    this.#attemptSeries.add(record.attempts)
    this.#promptSeries.add(promptTokens)
    this.#completionSeries.add(completionTokens)
    this.#costSeries.add(record.costMsat)
    this.#jobSecondsSeries.observe(seconds)
    if (firstByteMs !== null) this.#firstByteSeries.observe(firstByteMs / 1000)

    const model = this.#model(record.model, record.endpoint)
    this.#durationOf(model, errorCode).observe(seconds)
    if (promptTokens > 0) model.input.observe(promptTokens)
    if (completionTokens > 0) model.output.observe(completionTokens)
    if (record.status !== 'completed' || !record.stream || firstByteMs === null) return
    model.firstToken.observe(firstByteMs / 1000)
    if (completionTokens < 2) return
    model.perToken.observe((record.totalMs - firstByteMs) / 1000 / (completionTokens - 1))
  }

  #ending(status: string, code: string | null): CounterSeries {
    let codes = this.#endings.get(status)
    if (codes === undefined) this.#endings.set(status, (codes = new Map()))
    let series = codes.get(code)
    if (series === undefined) {
      series = this.#jobs.series({ status, code: code ?? '' })
      if (codes.size < MAX_ERROR_CODES) codes.set(code, series)
    }
    return series
  }

  #model(model: string, endpoint: string): ModelSeries {
    const endpoints = this.#models.get(model) ?? this.#named(model)
    let series = endpoints.get(endpoint)
    if (series === undefined) {
      series = this.#seriesOf(endpoints === this.#others ? OTHER_MODELS : model, endpoint)
      endpoints.set(endpoint, series)
    }
    return series
  }

  #named(model: string): Map<string, ModelSeries> {
    if (this.#models.size >= MAX_NAMED_MODELS) return this.#others
    const endpoints = new Map<string, ModelSeries>()
    this.#models.set(model, endpoints)
    return endpoints
  }

  #seriesOf(model: string, endpoint: string): ModelSeries {
    const labels = {
      gen_ai_operation_name: operationName(endpoint),
      gen_ai_provider_name: PROVIDER_NAME,
      gen_ai_request_model: model,
    }
    return {
      labels,
      firstToken: this.#firstToken.series(labels),
      perToken: this.#perToken.series(labels),
      input: this.#usage.series({ ...labels, gen_ai_token_type: 'input' }),
      output: this.#usage.series({ ...labels, gen_ai_token_type: 'output' }),
      durations: new Map(),
    }
  }

  #durationOf({ labels, durations }: ModelSeries, errorCode: string | null): HistogramSeries {
    let series = durations.get(errorCode)
    if (series === undefined) {
      const error = errorCode === null ? {} : { error_type: errorCode }
      series = this.#duration.series({ ...labels, ...error })
      if (durations.size < MAX_ERROR_CODES) durations.set(errorCode, series)
    }
    return series
  }
}
