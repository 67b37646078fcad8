import { describe, expect, it } from 'vitest'
import { answerJson } from '../testing/answers.ts'
import { startEdge, type TestEdge } from '../testing/test-edge.ts'

/** The key of an account whose limits these are. */
async function limited(edge: TestEdge, limits: object): Promise<string> {
  const made = await edge.operate('/operator/accounts', { name: 'Ada', ...limits })
  const { id } = (await made.json()) as { id: string }
  await edge.operate(`/operator/accounts/${id}/credits`, { reference: 'a', msat: '100000' })
  const keyed = await edge.operate(`/operator/accounts/${id}/keys`, { name: 'laptop' })
  return ((await keyed.json()) as { key: string }).key
}

const requestsLeft = (response: Response) => [
  response.headers.get('x-ratelimit-limit-requests'),
  response.headers.get('x-ratelimit-remaining-requests'),
]

describe('an answer to a key with a rate limit', () => {
  it('says what is left of it, also when it refuses', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const key = await limited(edge, { requests_per_minute: 2, max_concurrent: 1 })
    const first = edge.chat({}, { key })
    const job = await provider.jobs.next()
    const crowded = await edge.chat({}, { key })
    expect([crowded.status, ...requestsLeft(crowded)]).toEqual([429, '2', '1'])
    answerJson(job)
    const answered = await first
    expect([answered.status, ...requestsLeft(answered)]).toEqual([200, '2', '1'])
    await answered.text()

    const unsupported = await edge.chat({ logprobs: true }, { key })
    expect([unsupported.status, ...requestsLeft(unsupported)]).toEqual([400, '2', '0'])
    const refused = await edge.chat({}, { key })
    expect([refused.status, ...requestsLeft(refused)]).toEqual([429, '2', '0'])
    expect(refused.headers.get('retry-after')).toBe('30')
    expect(refused.headers.get('x-ratelimit-reset-requests')).toBe('1m0s')
  })

  it('says nothing where there is none', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const key = await limited(edge, { max_concurrent: 1 })
    const first = edge.chat({}, { key })
    const job = await provider.jobs.next()
    const crowded = await edge.chat({}, { key })
    expect([crowded.status, ...requestsLeft(crowded)]).toEqual([429, null, null])
    answerJson(job)
    expect(requestsLeft(await first)).toEqual([null, null])
  })
})
