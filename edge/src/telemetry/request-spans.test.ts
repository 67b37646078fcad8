import { describe, expect, it } from 'vitest'
import { answerStream, readEvents } from '../testing/answers.ts'
import { attributeOf, Collector } from '../testing/collector.ts'
import { startEdge } from '../testing/test-edge.ts'
import type { OtlpSpan } from './otlp-span.ts'
import { Tracer } from './tracer.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const CALLER = 'b7ad6b7169203331'

/** An edge that is traced by a real collector. */
async function tracedEdge(ratio = 1) {
  const collector = await Collector.start()
  let tracer: Tracer | undefined
  const edge = await startEdge({
    tracer: ({ now }) =>
      (tracer = new Tracer({
        settings: { url: `${collector.url}/v1/traces`, headers: {}, serviceName: 's', ratio },
        instance: 'test',
        fetch,
        later: () => {},
        now,
        onError: () => {},
      })),
  })
  const exported = async (): Promise<OtlpSpan[]> => {
    await edge.accounts.balance(edge.account)
    await new Promise((resolve) => setImmediate(resolve))
    await tracer?.exporter.close(1_000)
    return collector.spans
  }
  /** All spans by name, once those of a request have come, which is after its answer; in order within a name. */
  const spans = async (): Promise<Map<string, OtlpSpan[]>> => {
    while ((await exported()).length === 0);
    return Map.groupBy(collector.spans, ({ name }) => name)
  }
  return { edge, collector, exported, spans }
}

describe('the trace of a request', () => {
  it('goes from the caller’s span through hold, job and lease to the settlement', async () => {
    const { edge, spans } = await tracedEdge()
    const provider = await edge.provider()
    const headers = { traceparent: `00-${TRACE}-${CALLER}-01` }
    const answer = edge.chat({ stream: true }, { headers })
    answerStream(await provider.jobs.next(), ['one ', 'two'])
    await readEvents(await answer)

    const all = await spans()
    const [request] = all.get('POST /v1/chat/completions') ?? []
    const [job] = all.get('chat tiny') ?? []
    const [lease] = all.get('lease') ?? []
    const [reserve] = all.get('reserve') ?? []
    const [settle] = all.get('settle') ?? []
    for (const one of [request, job, lease, reserve, settle]) expect(one?.traceId).toBe(TRACE)
    expect(request?.parentSpanId).toBe(CALLER)
    expect(job?.parentSpanId).toBe(request?.spanId)
    expect(reserve?.parentSpanId).toBe(request?.spanId)
    expect(lease?.parentSpanId).toBe(job?.spanId)
    expect(settle?.parentSpanId).toBe(job?.spanId)
    if (request === undefined || job === undefined || lease === undefined) throw new Error('lost')
    expect(request.kind).toBe(2)
    expect(attributeOf(request, 'server.address')).toBe('edge.test')
    expect(attributeOf(request, 'http.response.status_code')).toBe('200')
    expect(attributeOf(job, 'gen_ai.operation.name')).toBe('chat')
    expect(attributeOf(job, 'gen_ai.provider.name')).toBe('infernet')
    expect(attributeOf(job, 'gen_ai.request.model')).toBe('tiny')
    expect(attributeOf(job, 'gen_ai.response.model')).toBe('tiny')
    expect(attributeOf(job, 'gen_ai.usage.input_tokens')).toBe(String(edge.record.promptTokens))
    expect(attributeOf(job, 'gen_ai.usage.output_tokens')).toBe(
      String(edge.record.completionTokens),
    )
    expect(attributeOf(job, 'gen_ai.response.finish_reasons')).toEqual({
      values: [{ stringValue: 'stop' }],
    })
    expect(attributeOf(job, 'error.type')).toBeUndefined()
    expect(job.events).toMatchObject([{ name: 'first_token' }])
    expect(attributeOf(lease, 'infernet.provider')).toBe(provider.peer)
    expect(lease.status).toEqual({})
    const ids = [...all.values()].flat().map(({ spanId }) => spanId)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('has a span for each lease, with what went wrong', async () => {
    const { edge, spans } = await tracedEdge()
    const providers = [await edge.provider(), await edge.provider()]
    const answer = edge.chat({ stream: true })
    const jobs = providers.map(({ jobs: offered }) => offered.next())
    const first = await Promise.race(jobs)
    edge.clock.advance(50)
    first.busy()
    const second = await Promise.any(
      jobs.map(async (job) => ((await job) === first ? Promise.reject() : job)),
    )
    answerStream(second, ['one'])
    await readEvents(await answer)
    const leases = (await spans()).get('lease') ?? []
    expect(leases.map((lease) => attributeOf(lease, 'error.type'))).toEqual(['busy', undefined])
    expect(leases.map(({ status }) => status.code)).toEqual([2, undefined])
    expect(
      BigInt(leases[0]?.endTimeUnixNano ?? 0) - BigInt(leases[0]?.startTimeUnixNano ?? 0),
    ).toBe(50_000_000n)
  })

  it('of a refusal is one span, which fails only by our fault', async () => {
    const { edge, spans } = await tracedEdge()
    await edge.request('/v1/models', { key: 'wrong' })
    const [request] = (await spans()).get('GET') ?? []
    expect(request).toBeDefined()
    if (request === undefined) return
    expect(attributeOf(request, 'http.response.status_code')).toBe('401')
    expect(attributeOf(request, 'error.type')).toBeUndefined()
    expect(request.status).toEqual({})
    expect(request.parentSpanId).toBeUndefined()
  })

  it('names why a hold was refused, and the request that failed with it', async () => {
    const { edge, spans } = await tracedEdge()
    const provider = await edge.provider({ models: [] })
    expect(provider.closed).toBeUndefined()
    await edge.provider()
    const poor = edge.addKey('acct_00000000000000000000000000000000' as typeof edge.account)
    const answer = await edge.chat({}, { key: poor })
    expect(answer.status).toBe(402)
    const all = await spans()
    const [reserve] = all.get('reserve') ?? []
    expect(reserve && attributeOf(reserve, 'error.type')).toBe('insufficient_credit')
    const [request] = all.get('POST') ?? []
    expect(request && attributeOf(request, 'infernet.error')).toBe('insufficient_credit')
  })

  it('is left out when its caller does not record it, or chance says so', async () => {
    const { edge, exported } = await tracedEdge()
    await edge.request('/v1/models', { headers: { traceparent: `00-${TRACE}-${CALLER}-00` } })
    expect(await exported()).toEqual([])
    const never = await tracedEdge(0)
    await never.edge.request('/v1/models')
    expect(await never.exported()).toEqual([])
  })
})
