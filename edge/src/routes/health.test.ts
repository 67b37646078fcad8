import { describe, expect, it } from 'vitest'
import { answerJson } from '../testing/answers.ts'
import { errorOf } from '../testing/error-answer.ts'
import { startEdge } from '../testing/test-edge.ts'

describe('health', () => {
  it('says that the process answers, whatever else is broken', async () => {
    const edge = await startEdge()
    edge.store.down = true
    const response = await edge.request('/healthz')
    expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }])
    edge.store.down = false
  })

  it('says whether it can do its work', async () => {
    const edge = await startEdge()
    await edge.provider()
    const ready = await edge.request('/readyz')
    expect(ready.status).toBe(200)
    expect(await ready.json()).toEqual({ status: 'ready', database: 'ok', hub: 'ok', models: 1 })
    edge.store.down = true
    const broken = await edge.request('/readyz')
    expect(broken.status).toBe(503)
    expect(await broken.json()).toMatchObject({ status: 'not_ready', database: 'unreachable' })
    edge.store.down = false
  })
})

describe('metrics', () => {
  it('count what happened', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const answer = edge.chat()
    answerJson(await provider.jobs.next())
    await answer
    await edge.chat({ model: 'nope' })
    const response = await edge.request('/metrics', { key: 'operator-token' })
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    const lines = (await response.text()).split('\n')
    expect(lines).toEqual(
      expect.arrayContaining([
        'infernet_jobs_total{status="completed",code=""} 1',
        'infernet_tokens_total{kind="completion"} 3',
        'infernet_cost_msat_total 16',
        'infernet_requests_total{status="404"} 1',
        'infernet_provider_logins_total{outcome="ok"} 1',
        'infernet_job_seconds_count 1',
      ]),
    )
  })

  it('are the operator’s', async () => {
    const edge = await startEdge()
    expect(await errorOf(await edge.request('/metrics'))).toMatchObject({ status: 404 })
  })

  it('take no label from a stranger', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const answer = edge.chat()
    ;(await provider.jobs.next()).error({ fault: 'request', code: 'made-up-code' })
    await answer
    const response = await edge.request('/metrics', { key: 'operator-token' })
    expect(await response.text()).not.toContain('made-up-code')
  })
})
