import type { JobRecord } from '@infernet/schemas/job-record'
import { OtlpExporter } from './otlp-exporter.ts'
import type { TelemetrySettings } from './otlp-settings.ts'
import { attributes } from './otlp-span.ts'
import {
  holdSpan,
  jobSpans,
  requestSpan,
  type AnsweredRequest,
  type JobTrace,
  type RequestTrace,
  type TraceContext,
} from './request-spans.ts'
import { isSampled, parseTraceparent, traceIdOf } from './trace-context.ts'

/** What a hold's trace tells of its job. */
export interface TracedOrder {
  readonly requestId: string
  readonly job: string
  readonly holdMsat: number
  readonly trace?: RequestTrace
}

export interface TracerOptions {
  readonly settings: TelemetrySettings
  /** Tells processes of the service apart: a host name, a shard. */
  readonly instance: string
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  /** See `OtlpExporterOptions`. */
  readonly later: (task: () => Promise<void>, delayMs: number) => void
  readonly now: () => number
  readonly onError: (error: unknown) => void
}

/** Makes the spans of what has ended, for the share of traces that is recorded, and exports them. */
export class Tracer {
  readonly exporter: OtlpExporter
  readonly #ratio: number
  readonly #now: () => number

  constructor(options: TracerOptions) {
    const { settings, now } = options
    this.#ratio = settings.ratio
    this.#now = now
    this.exporter = new OtlpExporter({
      url: settings.url,
      headers: settings.headers,
      resource: attributes({
        'service.name': settings.serviceName,
        'service.instance.id': options.instance,
      }),
      fetch: options.fetch,
      later: options.later,
      now,
      onError: options.onError,
    })
  }

  /** `settling`: the job's money is on its way; its spans wait for that. */
  jobEnded(record: JobRecord, trace: JobTrace, settling: Promise<unknown> | void): void {
    const context = this.#context(record.requestId, trace.request?.traceparent)
    if (context === undefined) return
    if (settling === undefined) return this.exporter.add(jobSpans(record, trace, context))
    const startedAt = this.#now()
    const tell = (error?: string): void => {
      const settled = { startedAt, endedAt: this.#now(), error }
      this.exporter.add(jobSpans(record, { ...trace, settled }, context))
    }
    settling.then(
      () => tell(),
      () => tell('settle_failed'),
    )
  }

  /** A hold was asked for at `startedAt` (ms since the epoch); `error` says why there is none. */
  held(order: TracedOrder, startedAt: number, error: string | undefined): void {
    const context = this.#context(order.requestId, order.trace?.traceparent)
    if (context === undefined) return
    this.exporter.add([holdSpan(order, { startedAt, endedAt: this.#now(), error }, context)])
  }

  requestAnswered(request: AnsweredRequest, traceparent: string | undefined): void {
    const context = this.#context(request.request_id, traceparent)
    if (context !== undefined) this.exporter.add([requestSpan(request, this.#now(), context)])
  }

  /** Undefined when the trace is not recorded. */
  #context(requestId: string, traceparent: string | undefined): TraceContext | undefined {
    const parent = parseTraceparent(traceparent)
    const traceId = parent?.traceId ?? traceIdOf(requestId)
    if (traceId === undefined || !isSampled(traceId, parent, this.#ratio)) return undefined
    return { traceId, parent }
  }
}
