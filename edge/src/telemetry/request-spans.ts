import type { JobRecord } from '@infernet/schemas/job-record'
import { operationName, PROVIDER_NAME } from './gen-ai.ts'
import { span, SPAN_KIND, type OtlpSpan } from './otlp-span.ts'
import { parseTraceparent, spanIdOf, type TraceParent } from './trace-context.ts'

/** What a job takes along from its request for its trace; plain data, because it crosses an RPC. */
export interface RequestTrace {
  /** The client's `traceparent` header, if it is one. */
  readonly traceparent: string | undefined
  /** The path that the client called; one of our routes, since it led to a job. */
  readonly route: string
  /** The host name that the client called. */
  readonly host: string
}

/** What a job takes along from this request. */
export function requestTrace(request: Request): RequestTrace {
  const header = request.headers.get('traceparent') ?? undefined
  const { pathname, hostname } = new URL(request.url)
  const traceparent = parseTraceparent(header) === undefined ? undefined : header
  return { traceparent, route: pathname, host: hostname }
}

/** One lease of a job. */
export interface AttemptTrace {
  readonly lease: string
  readonly provider: string
  /** ms since the epoch: sent to the provider; its first byte; its end, or when we took it back. */
  readonly offeredAt: number
  readonly firstByteAt?: number | undefined
  readonly endedAt: number
  /** Why it brought nothing (more): `busy`, `hedged`, an error's code. */
  readonly error?: string | undefined
}

/** What the hub knows of a job beside its record. */
export interface JobTrace {
  readonly request?: RequestTrace | undefined
  /** Absent: where the one lease of a job has the job's own times, it is told from the record. */
  readonly attempts?: readonly AttemptTrace[] | undefined
  readonly settled?: Timed | undefined
}

/** Something that was done for a request. */
export interface Timed {
  /** ms since the epoch, like `endedAt`. */
  readonly startedAt: number
  readonly endedAt: number
  /** An error's code. */
  readonly error?: string | undefined
}

/** A request that was answered without the help of a job, or with its error. */
export interface AnsweredRequest {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly request_id: string
  readonly ms: number
  readonly error?: string | undefined
}

export interface TraceContext {
  readonly traceId: string
  readonly parent: TraceParent | undefined
}

/**
 * The spans of a job that has ended: its request (when the answer was the job's, so that nobody else
 * tells of it), the job itself, and each of its leases.
 */
export function jobSpans(record: JobRecord, trace: JobTrace, context: TraceContext): OtlpSpan[] {
  const { traceId, parent } = context
  const startedAt = record.createdAt
  const endedAt = startedAt + record.totalMs
  const error = record.status === 'failed' ? (record.errorCode ?? 'failed') : undefined
  const requestSpanId = spanIdOf(record.requestId)
  const jobSpanId = spanIdOf(record.id, 0)
  const times = { traceId, startedAt, endedAt, error }
  const job = span({
    ...times,
    spanId: jobSpanId,
    parentSpanId: requestSpanId,
    name: `${operationName(record.endpoint)} ${record.model}`,
    kind: SPAN_KIND.internal,
    attributes: {
      'gen_ai.operation.name': operationName(record.endpoint),
      'gen_ai.provider.name': PROVIDER_NAME,
      // The name of the attribute above until version 1.37 of the conventions.
      'gen_ai.system': PROVIDER_NAME,
      'gen_ai.request.model': record.model,
      'gen_ai.request.stream': record.stream,
      'gen_ai.response.model': record.model,
      'gen_ai.response.id': record.generationId,
      'gen_ai.response.finish_reasons': record.finishReason === null ? null : [record.finishReason],
      'gen_ai.usage.input_tokens': record.promptTokens,
      'gen_ai.usage.output_tokens': record.completionTokens,
      'error.type': record.errorCode,
      'infernet.job': record.id,
      'infernet.status': record.status,
      'infernet.attempts': record.attempts,
      'infernet.cost_msat': record.costMsat,
    },
    firstTokenAt: record.firstByteMs === null ? undefined : startedAt + record.firstByteMs,
  })
  const attempts = (trace.attempts ?? soleAttempt(record)).map((attempt) =>
    span({
      traceId,
      spanId: spanIdOf(record.id, leaseNumber(attempt.lease)),
      parentSpanId: jobSpanId,
      name: 'lease',
      kind: SPAN_KIND.client,
      startedAt: attempt.offeredAt,
      endedAt: attempt.endedAt,
      error: attempt.error,
      attributes: {
        'infernet.lease': attempt.lease,
        'infernet.provider': attempt.provider,
        'error.type': attempt.error,
      },
      firstTokenAt: attempt.firstByteAt,
    }),
  )
  const spans = [job, ...attempts]
  if (trace.settled !== undefined) spans.push(settleSpan(record, trace.settled, traceId, jobSpanId))
  if (!answeredByJob(record)) return spans
  const route = trace.request?.route
  const request = span({
    ...times,
    spanId: requestSpanId,
    parentSpanId: parent?.spanId,
    name: route === undefined ? 'POST' : `POST ${route}`,
    kind: SPAN_KIND.server,
    attributes: {
      'http.request.method': 'POST',
      'http.route': route,
      'http.response.status_code': OK,
      'server.address': trace.request?.host,
      'error.type': error,
      'infernet.request_id': record.requestId,
    },
  })
  return [request, ...spans]
}

/** The span of a hold: its job's costs are covered, or why not. */
export function holdSpan(
  order: { readonly requestId: string; readonly job: string; readonly holdMsat: number },
  hold: Timed,
  { traceId }: TraceContext,
): OtlpSpan {
  return span({
    traceId,
    spanId: spanIdOf(order.job, HOLD_PART),
    parentSpanId: spanIdOf(order.requestId),
    name: 'reserve',
    kind: SPAN_KIND.internal,
    ...hold,
    attributes: {
      'infernet.job': order.job,
      'infernet.hold_msat': order.holdMsat,
      'error.type': hold.error,
    },
  })
}

const settleSpan = (
  record: JobRecord,
  settled: Timed,
  traceId: string,
  parentSpanId: string,
): OtlpSpan =>
  span({
    traceId,
    spanId: spanIdOf(record.id, SETTLE_PART),
    parentSpanId,
    name: 'settle',
    kind: SPAN_KIND.internal,
    ...settled,
    attributes: { 'infernet.cost_msat': record.costMsat, 'error.type': settled.error },
  })

/** Parts of a job beside its leases, which are 1 to 99. */
const HOLD_PART = 0xfe
const SETTLE_PART = 0xff

/** The span of a request that has no other. */
export function requestSpan(
  request: AnsweredRequest,
  endedAt: number,
  context: TraceContext,
): OtlpSpan {
  const isOurFault = request.status >= SERVER_ERROR
  return span({
    traceId: context.traceId,
    spanId: spanIdOf(request.request_id),
    parentSpanId: context.parent?.spanId,
    // Not with the path, which may be any text.
    name: request.method,
    kind: SPAN_KIND.server,
    startedAt: endedAt - request.ms,
    endedAt,
    error: isOurFault ? (request.error ?? String(request.status)) : undefined,
    attributes: {
      'http.request.method': request.method,
      'url.path': request.path,
      'http.response.status_code': request.status,
      'error.type': isOurFault ? (request.error ?? String(request.status)) : undefined,
      'infernet.error': request.error,
      'infernet.request_id': request.request_id,
    },
  })
}

const OK = 200
const SERVER_ERROR = 500

/** Else the route answers with the job's error, and tells of it. */
const answeredByJob = (record: JobRecord): boolean =>
  record.status === 'completed' || record.firstByteMs !== null

/** Unique within its job, whichever shard gave it. */
const leaseNumber = (lease: string): number => Number(lease.slice(lease.lastIndexOf('.') + 1))

function soleAttempt(record: JobRecord): AttemptTrace[] {
  const { lease, providerId, createdAt, firstByteMs } = record
  if (record.attempts !== 1 || lease === null || providerId === null) return []
  return [
    {
      lease,
      provider: providerId,
      offeredAt: createdAt,
      firstByteAt: firstByteMs === null ? undefined : createdAt + firstByteMs,
      endedAt: createdAt + record.totalMs,
      error: record.status === 'completed' ? undefined : (record.errorCode ?? record.status),
    },
  ]
}
