import { ApiError } from '@infernet/openai-compat/api-error'
import type { JobRecord } from '@infernet/schemas/job-record'
import type { Capability } from '@infernet/schemas/wire'
import { MAX_MODEL_NAME_LENGTH } from '@infernet/schemas/limits'
import type { SelfTestJson } from '@infernet/schemas/self-test'
import type { Audit } from './audit/audit-port.ts'
import { Counter, Gauge, renderMetrics, type Metric } from './metrics.ts'
import { JobMetrics } from './telemetry/job-metrics.ts'
import type { AnsweredRequest, JobTrace } from './telemetry/request-spans.ts'
import type { TracedOrder, Tracer } from './telemetry/tracer.ts'

/** One line of structured log: an event's name and its fields. */
export type LogLine = (event: string, fields: Readonly<Record<string, unknown>>) => void

/** Everything worth telling an operator: each business event is one log line, one metric, and a span. */
export class EdgeEvents {
  readonly #log: LogLine
  readonly #tracer: Tracer | undefined
  readonly #jobs = new JobMetrics()
  readonly #requests = new Counter(
    'infernet_requests_total',
    'HTTP requests answered without a job, by status.',
  )
  readonly #unmetDemand = new Counter(
    'infernet_unmet_demand_total',
    'Requests that found no provider; by model, for those that somebody has served.',
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
  readonly #shardErrors = new Counter(
    'infernet_shard_errors_total',
    'Hub shards that did not answer, by name.',
  )
  readonly #directoryErrors = new Counter(
    'infernet_directory_errors_total',
    'Failed reads of, or reports to, the directory of shards.',
  )
  readonly #audits = new Counter('infernet_audits_total', 'Audited answers, by verdict.')
  readonly #bans = new Counter(
    'infernet_provider_bans_total',
    'Providers sent away for what audits have shown.',
  )
  readonly #canaries = new Counter('infernet_canaries_total', 'Canaries, by what became of them.')
  readonly #challenges = new Counter(
    'infernet_challenges_total',
    'Pairs of providers that were asked whether they are one machine, by result.',
  )
  readonly #comparisons = new Counter(
    'infernet_redundancy_total',
    'Embeddings that several providers were asked for, by outcome.',
  )
  readonly #verifierAsks = new Counter(
    'infernet_verifier_asks_total',
    "Answers that verifiers were asked about, by whose they are: the operator's own, or outside.",
  )
  readonly #verifierChecks = new Counter(
    'infernet_verifier_checks_total',
    'Questions to verifiers whose answer was known, by outcome.',
  )
  readonly #promptChecks = new Counter(
    'infernet_prompt_checks_total',
    'Prompts of answers that are not audited, by what own verifiers say of them.',
  )
  readonly #selfTests = new Counter(
    'infernet_self_tests_total',
    'Jobs that providers have asked for to try themselves, by outcome.',
  )
  readonly #others: Metric[] = [
    this.#selfTests,
    this.#audits,
    this.#bans,
    this.#canaries,
    this.#challenges,
    this.#comparisons,
    this.#verifierAsks,
    this.#verifierChecks,
    this.#promptChecks,
    this.#requests,
    this.#unmetDemand,
    this.#logins,
    this.#violations,
    this.#storeErrors,
    this.#shardErrors,
    this.#directoryErrors,
  ]

  /** Without a tracer, nothing is traced. */
  constructor(log: LogLine, tracer?: Tracer) {
    this.#log = log
    this.#tracer = tracer
    if (tracer === undefined) return
    const { exporter } = tracer
    this.#others.push(
      counted('infernet_spans_exported_total', 'Trace spans sent.', () => exporter.exported),
      counted('infernet_spans_dropped_total', 'Trace spans lost.', () => exporter.dropped),
    )
  }

  /** Whether anybody wants to know where a request came from. */
  get tracing(): boolean {
    return this.#tracer !== undefined
  }

  /** Adds a value that is read when metrics are asked for. */
  gauge(name: string, help: string, read: () => number): void {
    this.#others.push(new Gauge(name, help, read))
  }

  audited({ verdict, report, ...audit }: Audit): void {
    this.#audits.add(1, { verdict })
    const { findings, reason, replay } = report
    const worst = findings.filter(({ severity }) => severity !== 'note')
    this.#log('audit', {
      job: audit.job,
      provider: audit.provider,
      model: audit.model,
      verdict,
      log_e: audit.logE,
      reason,
      findings: worst.map(({ check, detail }) => `${check}: ${detail}`),
      replay,
    })
  }

  providerBanned(provider: string, model: string): void {
    this.#bans.add()
    this.#log('provider_banned', { provider, model })
  }

  /** A provider has to rest, since another is the same machine. */
  gpuShared(provider: string, reason: string): void {
    this.#log('gpu_shared', { provider, reason })
  }

  /** A provider has tried itself with a job of its own. */
  selfTested({ provider, passed, model, job, failure }: SelfTestJson): void {
    this.#selfTests.add(1, { outcome: failure?.code ?? 'passed' })
    this.#log('self_test', { provider, passed, model, job, stage: failure?.stage })
  }

  canarySent(job: string, provider: string, model: string): void {
    this.#canaries.add(1, { outcome: 'sent' })
    this.#log('canary', { job, provider, model })
  }

  /** A question of ours got no answer. */
  canaryFailed(provider: string, model: string, error: unknown): void {
    this.#canaries.add(1, { outcome: 'failed' })
    this.#log('canary_failed', { provider, model, error: reasonOf(error) })
  }

  /** No request of that model's is left that its clients have opened. */
  canaryMissing(): void {
    this.#canaries.add(1, { outcome: 'no_prompt' })
  }

  /** Two providers were asked whether they are one machine; `blocks` in all. */
  challenged(providers: readonly string[], result: string, blocks: number): void {
    this.#challenges.add(1, { result })
    this.#log('challenge', { providers, result, blocks })
  }

  challengeFailed(providers: readonly string[], error: unknown): void {
    this.#challenges.add(1, { result: 'failed' })
    this.#log('challenge_failed', { providers, error: reasonOf(error) })
  }

  /** Several providers were asked for the same embeddings; `audits` says what of each. */
  redundancyDecided(model: string, spec: string, audits: readonly Audit[]): void {
    const outcome = redundancyOutcome(audits)
    this.#comparisons.add(1, { outcome })
    this.#log('redundancy', {
      model,
      spec,
      outcome,
      providers: audits.map(({ provider, verdict }) => `${provider}: ${verdict}`),
      findings: audits[0]?.report.findings.map(({ detail }) => detail),
    })
  }

  /** A verifier was asked to score an answer, or to render it. */
  verifierAsked(by: 'own' | 'outside'): void {
    this.#verifierAsks.add(1, { by })
  }

  /**
   * The prompt of an answer that is not audited was compared with what an own verifier has rendered. `busy`: none had
   * time; `unknown`: it could not be rendered.
   */
  promptChecked(outcome: 'same' | 'differs' | 'busy' | 'unknown'): void {
    this.#promptChecks.add(1, { outcome })
  }

  /** A verifier was asked something whose answer is known, and gave it, or none. */
  verifierChecked(outcome: 'passed' | 'unanswered'): void {
    this.#verifierChecks.add(1, { outcome })
  }

  /** A verifier's scores cannot come from the model; it is not asked any more on this connection. */
  verifierRejected(verifier: string, spec: string, reason: string): void {
    this.#verifierChecks.add(1, { outcome: 'rejected' })
    this.#log('verifier_rejected', { verifier, spec, reason })
  }

  /** Two verifiers score the same otherwise: one of them does not run what it says. */
  verifiersDisagree(verifiers: readonly string[], spec: string, reason: string): void {
    this.#verifierChecks.add(1, { outcome: 'disagreed' })
    this.#log('verifiers_disagree', { verifiers, spec, reason })
  }

  metrics(): string {
    return renderMetrics([...this.#jobs.all, ...this.#others])
  }

  /** `settling` ends when the job's money has moved; nobody waits for it but its trace. */
  jobEnded(
    record: JobRecord,
    trace: JobTrace = NO_TRACE,
    settling?: Promise<unknown> | void,
  ): void {
    this.#jobs.jobEnded(record)
    this.#tracer?.jobEnded(record, trace, settling)
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

  /** A hold was asked for at `startedAt` (ms since the epoch); `refusal` says why there is none. */
  holdMade(order: TracedOrder, startedAt: number, refusal: string | undefined): void {
    this.#tracer?.held(order, startedAt, refusal)
  }

  /** A request that became no job: a listing, a refusal, a bad key. */
  requestAnswered(request: AnsweredRequest, traceparent?: string): void {
    this.#requests.add(1, { status: String(request.status) })
    this.#tracer?.requestAnswered(request, traceparent)
    this.#log('request', { ...request })
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

  /** A hub shard did not answer; another was asked. */
  shardFailed(shard: string, error: unknown): void {
    this.#shardErrors.add(1, { shard })
    this.#log('shard_failed', { shard, error: describe(error) })
  }

  /** The directory of shards did not answer; an older copy of it was used. */
  directoryFailed(error: unknown): void {
    this.#directoryErrors.add()
    this.#log('directory_failed', { error: describe(error) })
  }

  /**
   * A request for a model found nobody: nobody serves it now (`offline` if somebody has before), all who
   * serve it are full, or none suits the request.
   */
  demandUnmet(model: string, reason: 'offline' | 'unknown' | 'full' | 'unsuitable'): void {
    // A name that nobody has ever served is a stranger's text: logged, but no label.
    this.#unmetDemand.add(1, { model: reason === 'unknown' ? '' : model, reason })
    this.#log('demand_unmet', { model: model.slice(0, MAX_MODEL_NAME_LENGTH), reason })
  }

  /** The settler asked for something that ended in an error; it asks again. */
  settlerAskFailed(error: unknown): void {
    this.#log('settler_ask_failed', { error: describe(error) })
  }

  storeFailed(operation: string, error: unknown): void {
    this.#storeErrors.add(1, { operation })
    this.#log('store_failed', { operation, error: describe(error) })
  }
}

const NO_TRACE: JobTrace = {}

/** An error of ours says what clients may read; of another it takes the stack to know. */
const reasonOf = (error: unknown): string =>
  error instanceof ApiError ? error.message : describe(error)

function redundancyOutcome(audits: readonly Audit[]): string {
  if (audits.length === 0) return 'unanswered'
  if (audits.some(({ verdict }) => verdict === 'fail')) return 'disagreed'
  return audits.every(({ verdict }) => verdict === 'pass') ? 'agreed' : 'undecided'
}

const counted = (name: string, help: string, read: () => number): Gauge =>
  new Gauge(name, help, read, 'counter')

const describe = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error)
