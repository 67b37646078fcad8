import type { JobRecord } from '@infernet/schemas/job-record'
import type { Capability } from '@infernet/schemas/wire'
import { Counter, Gauge, Histogram, renderMetrics } from './metrics.ts'

/** One line of structured log: an event's name and its fields. */
export type LogLine = (event: string, fields: Readonly<Record<string, unknown>>) => void

/** Everything worth telling an operator: each business event is one log line and one metric. */
export class EdgeEvents {
  readonly #log: LogLine
  readonly #jobs = new Counter('infernet_jobs_total', 'Jobs ended, by how they ended.')
  readonly #attempts = new Counter('infernet_attempts_total', 'Leases given to providers.')
  readonly #tokens = new Counter('infernet_tokens_total', 'Tokens billed, by kind.')
  readonly #cost = new Counter('infernet_cost_msat_total', 'Msat captured from clients.')
  readonly #requests = new Counter(
    'infernet_requests_total',
    'HTTP requests answered without a job, by status.',
  )
  readonly #logins = new Counter('infernet_provider_logins_total', 'Provider logins, by outcome.')
  readonly #violations = new Counter(
    'infernet_protocol_violations_total',
    'Providers cut off, by close code.',
  )
  readonly #storeErrors = new Counter(
    'infernet_store_errors_total',
    'Failed Postgres operations, by name.',
  )
  readonly #firstByte = new Histogram(
    'infernet_first_byte_seconds',
    'Request to the first byte of its answer.',
  )
  readonly #duration = new Histogram('infernet_job_seconds', 'Request to the end of its job.')
  readonly #gauges: Gauge[] = []

  constructor(log: LogLine) {
    this.#log = log
  }

  /** Adds a value that is read when metrics are asked for. */
  gauge(name: string, help: string, read: () => number): void {
    this.#gauges.push(new Gauge(name, help, read))
  }

  metrics(): string {
    return renderMetrics([
      this.#jobs,
      this.#attempts,
      this.#tokens,
      this.#cost,
      this.#requests,
      this.#logins,
      this.#violations,
      this.#storeErrors,
      this.#firstByte,
      this.#duration,
      ...this.#gauges,
    ])
  }

  jobEnded(record: JobRecord): void {
    this.#jobs.add(1, { status: record.status, code: record.errorCode ?? '' })
    this.#attempts.add(record.attempts)
    this.#tokens.add(record.promptTokens, { kind: 'prompt' })
    this.#tokens.add(record.completionTokens, { kind: 'completion' })
    this.#cost.add(record.costMsat)
    if (record.firstByteMs !== null) this.#firstByte.observe(record.firstByteMs / 1000)
    this.#duration.observe(record.totalMs / 1000)
    this.#log('job', {
      status: record.status,
      error: record.errorCode ?? undefined,
      job: record.id,
      request_id: record.requestId,
      account: record.accountId,
      model: record.model,
      stream: record.stream,
      provider: record.providerId ?? undefined,
      attempts: record.attempts,
      prompt_tokens: record.promptTokens,
      completion_tokens: record.completionTokens,
      cost_msat: record.costMsat,
      first_byte_ms: record.firstByteMs ?? undefined,
      total_ms: record.totalMs,
    })
  }

  /** A request that became no job: a listing, a refusal, a bad key. */
  requestAnswered(fields: {
    method: string
    path: string
    status: number
    request_id: string
    ms: number
    error?: string
  }): void {
    this.#requests.add(1, { status: String(fields.status) })
    this.#log('request', fields)
  }

  internalError(requestId: string, error: unknown): void {
    this.#log('error', { request_id: requestId, error: describe(error) })
  }

  providerJoined(peer: string, capability: Capability): void {
    this.#logins.add(1, { outcome: 'ok' })
    this.#log('provider_joined', {
      provider: peer,
      engine: capability.engine,
      slots: capability.slots,
      models: capability.models.map((model) => model.id),
    })
  }

  providerLeft(peer: string, jobsLost: number): void {
    this.#log('provider_left', { provider: peer, jobs_lost: jobsLost })
  }

  loginRefused(fault: string, message: string): void {
    this.#logins.add(1, { outcome: fault })
    this.#log('login_refused', { fault, message })
  }

  protocolViolated(peer: string, code: number, message: string): void {
    this.#violations.add(1, { code: String(code) })
    this.#log('protocol_violation', { provider: peer, code, message })
  }

  storeFailed(operation: string, error: unknown): void {
    this.#storeErrors.add(1, { operation })
    this.#log('store_failed', { operation, error: describe(error) })
  }
}

const describe = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error)
