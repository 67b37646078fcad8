import { newJobId } from '@infernet/schemas/ids'
import { describe, expect, it } from 'vitest'
import { errorOf } from '../testing/error-answer.ts'
import { startEdge } from '../testing/test-edge.ts'

describe('while Postgres cannot be reached', () => {
  it.each([
    '/v1/responses/resp_0123456789abcdef0123456789abcdef',
    `/v1/generation?id=${newJobId(1)}`,
    `/v1/receipts/${newJobId(1)}`,
    `/v1/jobs/${newJobId(1)}`,
    '/v1/jobs',
  ])('GET %s asks its client to come back', async (path) => {
    const edge = await startEdge()
    // The key is known from now on.
    expect((await edge.request('/v1/models')).status).toBe(200)
    edge.store.down = true
    edge.pricedJobs.down = true
    const response = await edge.request(path)
    expect(response.headers.get('retry-after')).toBe('10')
    expect(await errorOf(response)).toMatchObject({ status: 503, code: 'records_unavailable' })
    expect(edge.log.filter(({ event }) => event === 'error')).toHaveLength(1)
  })
})
