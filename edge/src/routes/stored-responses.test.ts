import type { ResponseObject } from '@infernet/openai-compat/responses/response-types'
import { newAccountId } from '@infernet/schemas/ids'
import { beforeEach, describe, expect, it } from 'vitest'
import { JOB_DEADLINE_MS, RESPONSE_TTL_MS } from '../limits.ts'
import { answerJson } from '../testing/answers.ts'
import { errorOf } from '../testing/error-answer.ts'
import { startEdge, type TestEdge } from '../testing/test-edge.ts'

interface ItemList {
  readonly data: { readonly id: string; readonly content?: readonly { readonly text: string }[] }[]
  readonly has_more: boolean
  readonly last_id: string
}

const textsOf = ({ data }: ItemList) => data.map(({ content }) => content?.[0]?.text)

describe('/v1/responses/{id}', () => {
  let edge: TestEdge
  let response: ResponseObject

  beforeEach(async () => {
    edge = await startEdge()
    const provider = await edge.provider()
    const input = ['One', 'Two', 'Three'].map((content) => ({ role: 'user', content }))
    const body = JSON.stringify({ model: 'tiny', input, max_output_tokens: 100 })
    const answer = edge.request('/v1/responses', { method: 'POST', body })
    answerJson(await provider.jobs.next())
    response = (await (await answer).json()) as ResponseObject
  })

  const at = (path = '', init: RequestInit & { key?: string } = {}): Promise<Response> =>
    edge.request(`/v1/responses/${response.id}${path}`, init)

  const list = async (query = ''): Promise<ItemList> =>
    (await (await at(`/input_items${query}`)).json()) as ItemList

  it('gives the response as it was', async () => {
    const found = await at()
    expect(found.status).toBe(200)
    expect(await found.json()).toEqual(response)
  })

  it('waits for a response that is on its way to Postgres', async () => {
    const stored = edge.store.responses.get(response.id)!
    edge.store.responses.clear()
    const found = at()
    setTimeout(() => edge.store.responses.set(response.id, stored), 20)
    expect((await found).status).toBe(200)
  })

  it('is gone after 30 days', async () => {
    edge.clock.advance(RESPONSE_TTL_MS + 1)
    expect(await errorOf(await at())).toMatchObject({ status: 404, code: 'response_not_found' })
  })

  it('is gone once it is deleted', async () => {
    const deleted = await at('', { method: 'DELETE' })
    expect(await deleted.json()).toEqual({ id: response.id, object: 'response', deleted: true })
    edge.clock.advance(2 * JOB_DEADLINE_MS)
    expect(await errorOf(await at())).toMatchObject({ status: 404 })
    expect(await errorOf(await at('', { method: 'DELETE' }))).toMatchObject({ status: 404 })
  })

  it('is nobody else’s to see, delete or list', async () => {
    const key = edge.addKey(newAccountId(edge.clock.now()))
    edge.clock.advance(2 * JOB_DEADLINE_MS)
    expect(await errorOf(await at('', { key }))).toMatchObject({ status: 404 })
    expect(await errorOf(await at('', { key, method: 'DELETE' }))).toMatchObject({ status: 404 })
    expect(await errorOf(await at('/input_items', { key }))).toMatchObject({ status: 404 })
    expect((await at()).status).toBe(200)
  })

  it('wants a key', async () => {
    const headers = { authorization: '' }
    expect(await errorOf(await at('', { headers }))).toMatchObject({ status: 401 })
  })

  it('lists what it was asked, page by page, newest first', async () => {
    expect(textsOf(await list())).toEqual(['Three', 'Two', 'One'])
    expect(textsOf(await list('?order=asc'))).toEqual(['One', 'Two', 'Three'])
    const first = await list('?limit=2')
    expect(textsOf(first)).toEqual(['Three', 'Two'])
    expect(first).toMatchObject({ object: 'list', has_more: true, first_id: first.data[0]?.id })
    const second = await list(`?limit=2&after=${first.last_id}`)
    expect(textsOf(second)).toEqual(['One'])
    expect(second.has_more).toBe(false)
  })

  it.each([
    ['?limit=0', 'limit'],
    ['?limit=101', 'limit'],
    ['?limit=x', 'limit'],
    ['?order=up', 'order'],
    ['?after=msg_x', 'after'],
  ])('refuses a list with %s', async (query, param) => {
    expect(await errorOf(await at(`/input_items${query}`))).toMatchObject({ status: 400, param })
  })

  it('can be neither cancelled nor streamed again, and says so', async () => {
    expect(await errorOf(await at('/cancel', { method: 'POST' }))).toMatchObject({ status: 400 })
    expect(await errorOf(await at('?stream=true'))).toMatchObject({ status: 400, param: 'stream' })
  })
})
