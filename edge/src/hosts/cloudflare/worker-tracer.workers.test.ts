import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { orderOf } from '../../testing/job-orders.ts'
import { recordOf } from '../../testing/job-records.ts'
import type { WorkerEnv } from './env.ts'
import { workerTracer } from './worker-tracer.ts'

const bindings = env as unknown as WorkerEnv
const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://otel.test:4318'

describe('traces on Workers', () => {
  afterEach(() => vi.unstubAllGlobals())

  it('are sent by the platform’s own fetch', async () => {
    const sent: Request[] = []
    vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
      // Throws for what the platform does not know.
      sent.push(new Request(url, init))
      return Response.json({})
    })
    const tasks: (() => Promise<void>)[] = []
    const tracing = { ...bindings, OTEL_EXPORTER_OTLP_ENDPOINT }
    const tracer = workerTracer(tracing, 'hub:weur:0', (task) => tasks.push(task))
    const { job, accountId } = orderOf()
    tracer?.jobEnded(
      recordOf(job, accountId, { requestId: `req_${'1'.repeat(32)}` }),
      {},
      undefined,
    )
    await tasks[0]?.()
    expect(tracer?.exporter).toMatchObject({ exported: 3, dropped: 0 })
    expect(sent[0]?.url).toBe(`${OTEL_EXPORTER_OTLP_ENDPOINT}/v1/traces`)
    expect(await sent[0]?.text()).toContain('"hub:weur:0"')
  })

  it('are off without an endpoint, and with one that makes no sense', () => {
    expect(workerTracer(bindings, 'x', () => {})).toBeUndefined()
    const wrong = { ...bindings, OTEL_EXPORTER_OTLP_ENDPOINT: 'nonsense' }
    expect(workerTracer(wrong, 'x', () => {})).toBeUndefined()
  })
})
