import { describe, expect, it } from 'vitest'
import { Collector } from '../testing/collector.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import {
  BATCH_DELAY_MS,
  EXPORT_TIMEOUT_MS,
  MAX_BATCH_SPANS,
  MAX_EXPORT_TRIES,
  MAX_QUEUED_SPANS,
  OtlpExporter,
} from './otlp-exporter.ts'
import { attributes, span, SPAN_KIND, type OtlpSpan } from './otlp-span.ts'

const spanNamed = (name: string): OtlpSpan =>
  span({
    traceId: '1'.repeat(32),
    spanId: '2'.repeat(16),
    parentSpanId: undefined,
    name,
    kind: SPAN_KIND.internal,
    startedAt: 1_000,
    endedAt: 2_000,
    attributes: {},
  })
const spans = (count: number): OtlpSpan[] =>
  Array.from({ length: count }, (_, index) => spanNamed(`s${index}`))

async function exporting(fetchSpans?: typeof fetch) {
  const collector = await Collector.start()
  const clock = new ManualClock()
  const errors: unknown[] = []
  const tasks: Promise<void>[] = []
  const exporter = new OtlpExporter({
    url: `${collector.url}/v1/traces`,
    headers: { 'x-key': 'k' },
    resource: attributes({ 'service.name': 'test' }),
    fetch: fetchSpans ?? fetch,
    later: (task, delayMs) => clock.later(() => void tasks.push(task()), delayMs),
    now: clock.now,
    onError: (error) => errors.push(error),
  })
  /** Moves on, and lets what was started end. */
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms)
    await Promise.all(tasks.splice(0))
  }
  return { collector, clock, errors, exporter, pass }
}

describe('the exporter of traces', () => {
  it('sends what has gathered to the collector, as OTLP over HTTP', async () => {
    const { collector, exporter, pass } = await exporting()
    exporter.add([spanNamed('a')])
    await pass(BATCH_DELAY_MS - 1)
    expect(collector.requests).toHaveLength(0)
    exporter.add([spanNamed('b')])
    await pass(1)
    expect(collector.requests).toMatchObject([
      {
        path: '/v1/traces',
        headers: { 'content-type': 'application/json', 'x-key': 'k' },
        resource: [{ key: 'service.name', value: { stringValue: 'test' } }],
        spans: [{ name: 'a', startTimeUnixNano: '1000000000' }, { name: 'b' }],
      },
    ])
    expect(exporter).toMatchObject({ exported: 2, dropped: 0 })
  })

  it('sends a full batch at once, and the rest after it', async () => {
    const { collector, exporter, pass } = await exporting()
    exporter.add(spans(MAX_BATCH_SPANS + 1))
    await pass(0)
    expect(collector.spans).toHaveLength(MAX_BATCH_SPANS)
    await pass(BATCH_DELAY_MS)
    expect(collector.spans).toHaveLength(MAX_BATCH_SPANS + 1)
  })

  it('drops and counts what does not fit into its queue', async () => {
    const { exporter } = await exporting()
    exporter.add(spans(MAX_QUEUED_SPANS + 7))
    expect(exporter.dropped).toBe(7)
  })

  it('tries again when the collector is overloaded, no sooner than it says', async () => {
    const { collector, exporter, errors, pass } = await exporting()
    collector.replies.push({ status: 503, headers: { 'retry-after': '7' } })
    exporter.add([spanNamed('a')])
    await pass(BATCH_DELAY_MS)
    await pass(6_999)
    expect(collector.requests).toHaveLength(1)
    await pass(1)
    expect(collector.requests).toHaveLength(2)
    expect(exporter).toMatchObject({ exported: 1, dropped: 0 })
    expect(errors).toHaveLength(1)
  })

  it('gives a batch up after a few tries, and goes on with the next', async () => {
    const { collector, exporter, pass } = await exporting()
    for (let i = 0; i < MAX_EXPORT_TRIES; i++) collector.replies.push({ status: 429 })
    exporter.add([spanNamed('a')])
    for (let i = 0; i < 10; i++) await pass(30_000)
    expect(collector.requests).toHaveLength(MAX_EXPORT_TRIES)
    expect(exporter).toMatchObject({ exported: 0, dropped: 1 })
    exporter.add([spanNamed('b')])
    await pass(60_000)
    expect(exporter).toMatchObject({ exported: 1, dropped: 1 })
  })

  it('does not repeat what the collector refuses, and counts what it rejects', async () => {
    const { collector, exporter, pass } = await exporting()
    collector.replies.push({ status: 400 })
    exporter.add([spanNamed('a')])
    await pass(BATCH_DELAY_MS)
    collector.replies.push({ body: '{"partialSuccess":{"rejectedSpans":"1"}}' })
    exporter.add(spans(3))
    await pass(BATCH_DELAY_MS)
    expect(collector.requests).toHaveLength(2)
    expect(exporter).toMatchObject({ exported: 2, dropped: 2 })
  })

  it('outlives a collector that is not there, and never throws where it is called', async () => {
    const { exporter, errors, pass } = await exporting(() => Promise.reject(new Error('refused')))
    exporter.add([spanNamed('a')])
    for (let i = 0; i < 10; i++) await pass(30_000)
    expect(exporter).toMatchObject({ exported: 0, dropped: 1 })
    expect(errors).toHaveLength(MAX_EXPORT_TRIES)
  })

  it('makes a new task when one has died with its request', async () => {
    const { collector, clock, exporter } = await exporting()
    const dead: (() => Promise<void>)[] = []
    const other = new OtlpExporter({
      url: `${collector.url}/v1/traces`,
      headers: {},
      resource: [],
      fetch,
      later: (task) => dead.push(task),
      now: clock.now,
      onError: () => {},
    })
    other.add([spanNamed('a')])
    other.add([spanNamed('b')])
    expect(dead).toHaveLength(1)
    clock.advance(BATCH_DELAY_MS + EXPORT_TIMEOUT_MS)
    other.add([spanNamed('c')])
    expect(dead).toHaveLength(2)
    await dead[1]?.()
    expect(collector.spans.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
    expect(exporter.dropped).toBe(0)
  })

  it('hands over what is left when it is closed, and no longer than it may', async () => {
    const { collector, exporter } = await exporting()
    exporter.add(spans(MAX_BATCH_SPANS + 5))
    await exporter.close(1_000)
    expect(collector.spans).toHaveLength(MAX_BATCH_SPANS + 5)
    exporter.add(spans(3))
    await exporter.close(0)
    expect(exporter).toMatchObject({ exported: MAX_BATCH_SPANS + 5, dropped: 3 })
  })
})
