import { z } from 'zod'
import { inTime } from '../hub/in-time.ts'
import type { OtlpAttribute, OtlpSpan } from './otlp-span.ts'

/** Spans that wait for the collector, a few MB at most; more are dropped and counted. */
export const MAX_QUEUED_SPANS = 2_048
/** Spans in one request; a full batch leaves at once. */
export const MAX_BATCH_SPANS = 512
/** How long spans gather before they are sent. */
export const BATCH_DELAY_MS = 5_000
/** A collector must answer within this. */
export const EXPORT_TIMEOUT_MS = 10_000
/** A batch is sent this often before it is dropped. */
export const MAX_EXPORT_TRIES = 3
/** Waits between tries grow from the first to the last; a longer `retry-after` is cut to it. */
const RETRY_DELAY_MS = 1_000
const MAX_RETRY_DELAY_MS = 30_000
/** Answers after which the same batch may be sent again (OTLP specification, "Failures"). */
const RETRYABLE = new Set([429, 502, 503, 504])

export interface OtlpExporterOptions {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Attributes of this process, such as `service.name`. */
  readonly resource: readonly OtlpAttribute[]
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  /** Runs `task` once after `delayMs`, and lets it end. */
  readonly later: (task: () => Promise<void>, delayMs: number) => void
  readonly now: () => number
  /** Hears why spans were lost. */
  readonly onError: (error: unknown) => void
}

interface Batch {
  readonly spans: readonly OtlpSpan[]
  tries: number
}

/**
 * Sends spans to a collector by OTLP over HTTP, as JSON. Adding one never waits and never throws.
 *
 * Our own and not the OpenTelemetry SDK: its tracer, context manager, span processor and exporter add
 * some 500 KB to the Worker and several objects and callbacks to every request, while we make all
 * spans of a request at once, after its end, from a record that is there anyway.
 */
export class OtlpExporter {
  readonly #options: OtlpExporterOptions
  #queue: OtlpSpan[] = []
  /** Sent without success, and to be sent again. */
  #unsent: Batch | undefined
  /** ms since the epoch: when the next task is due, if there is one. */
  #due: number | undefined
  #sending: Promise<void> | undefined
  /** Until then a batch is taken to be on its way. */
  #sendingUntil = Number.NEGATIVE_INFINITY
  /** The collector asked for quiet, or has failed. */
  #notBefore = Number.NEGATIVE_INFINITY
  #exported = 0
  #dropped = 0

  constructor(options: OtlpExporterOptions) {
    this.#options = options
  }

  /** Spans that the collector took. */
  get exported(): number {
    return this.#exported
  }

  /** Spans lost: the queue was full, or the collector refused or failed. */
  get dropped(): number {
    return this.#dropped
  }

  add(spans: readonly OtlpSpan[]): void {
    for (const span of spans) {
      if (this.#queue.length < MAX_QUEUED_SPANS) this.#queue.push(span)
      else this.#dropped++
    }
    this.#wakeIn(this.#queue.length >= MAX_BATCH_SPANS ? 0 : BATCH_DELAY_MS)
  }

  /** Sends what is left, each batch once, for at most `graceMs`. */
  async close(graceMs: number): Promise<void> {
    const deadline = this.#options.now() + graceMs
    if (this.#sending !== undefined) await inTime(this.#sending, graceMs).catch(() => {})
    for (let batch = this.#next(); batch !== undefined; batch = this.#next()) {
      if (this.#options.now() >= deadline) {
        this.#dropped += batch.spans.length + this.#queue.length
        return
      }
      this.#unsent = undefined
      if ((await this.#deliver(batch)) !== 'sent') this.#dropped += batch.spans.length
    }
  }

  /** A task may die with the request that it was started in; one that is overdue is replaced. */
  #wakeIn(delayMs: number): void {
    const now = this.#options.now()
    if (now < this.#sendingUntil) return
    const due = Math.max(now + delayMs, this.#notBefore)
    if (this.#due !== undefined && this.#due <= due && now < this.#due + EXPORT_TIMEOUT_MS) return
    this.#due = due
    this.#options.later(async () => {
      if (this.#due !== due) return
      this.#due = undefined
      this.#sending = this.#send()
      await this.#sending
    }, due - now)
  }

  #next(): Batch | undefined {
    if (this.#unsent !== undefined) return this.#unsent
    if (this.#queue.length === 0) return undefined
    return { spans: this.#queue.splice(0, MAX_BATCH_SPANS), tries: 0 }
  }

  async #send(): Promise<void> {
    const batch = this.#next()
    if (batch === undefined) return
    const { now } = this.#options
    this.#sendingUntil = now() + 2 * EXPORT_TIMEOUT_MS
    const outcome = await this.#deliver(batch)
    this.#sendingUntil = Number.NEGATIVE_INFINITY
    batch.tries++
    const again = typeof outcome === 'number' && batch.tries < MAX_EXPORT_TRIES
    this.#unsent = again ? batch : undefined
    if (!again && outcome !== 'sent') this.#dropped += batch.spans.length
    if (typeof outcome === 'number') {
      const backoff = Math.max(outcome, RETRY_DELAY_MS * 2 ** (batch.tries - 1))
      this.#notBefore = now() + Math.min(backoff, MAX_RETRY_DELAY_MS)
    }
    if (again || this.#queue.length >= MAX_BATCH_SPANS) this.#wakeIn(0)
    else if (this.#queue.length > 0) this.#wakeIn(BATCH_DELAY_MS)
  }

  /** `sent`, `refused`, or the ms after which the collector may be asked again. */
  async #deliver({ spans }: Batch): Promise<'sent' | 'refused' | number> {
    const { url, headers, resource, onError } = this.#options
    try {
      const response = await this.#options.fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({
          resourceSpans: [
            { resource: { attributes: resource }, scopeSpans: [{ scope: SCOPE, spans }] },
          ],
        }),
        // Workers know no 'error'; a redirect is no success either.
        redirect: 'manual',
        signal: AbortSignal.timeout(EXPORT_TIMEOUT_MS),
      })
      if (response.ok) {
        const rejected = Math.min(spans.length, await rejectedSpans(response))
        this.#exported += spans.length - rejected
        this.#dropped += rejected
        if (rejected > 0) onError(new Error(`the collector rejected ${rejected} spans`))
        return 'sent'
      }
      await response.body?.cancel()
      onError(new Error(`the collector answered ${response.status}`))
      if (!RETRYABLE.has(response.status)) return 'refused'
      return (Number(response.headers.get('retry-after')) || 0) * 1000
    } catch (error) {
      onError(error)
      return 0
    }
  }
}

const SCOPE = { name: 'infernet.edge' } as const

/** A collector may take a batch in part and say so. */
async function rejectedSpans(response: Response): Promise<number> {
  const answer: unknown = await response.json().catch(() => undefined)
  const parsed = partialSuccess.safeParse(answer)
  return parsed.success ? parsed.data.partialSuccess.rejectedSpans : 0
}

const partialSuccess = z.object({
  partialSuccess: z.object({ rejectedSpans: z.coerce.number().int().nonnegative() }),
})
