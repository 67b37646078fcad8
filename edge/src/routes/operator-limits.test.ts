import { newApiKey } from '@infernet/schemas/api-key'
import { newAccountId } from '@infernet/schemas/ids'
import { describe, expect, it } from 'vitest'
import { answerJson } from '../testing/answers.ts'
import { errorOf } from '../testing/error-answer.ts'
import { startEdge } from '../testing/test-edge.ts'

const LIMITS = {
  requests_per_minute: 60,
  tokens_per_minute: 100_000,
  max_concurrent: 8,
  budget_msat_per_day: '9000000000000000',
}
const DEFAULTS = {
  requests_per_minute: null,
  tokens_per_minute: null,
  max_concurrent: null,
  budget_msat_per_day: null,
}

describe('limits that the operator sets', () => {
  it('come with an account or a key, or are the defaults', async () => {
    const edge = await startEdge()
    const make = async (path: string, body: object) => {
      const response = await edge.operate(path, { name: 'Ada', ...body })
      expect(response.status).toBe(201)
      return (await response.json()) as { id: string }
    }
    expect(await make('/operator/accounts', LIMITS)).toMatchObject(LIMITS)
    const account = await make('/operator/accounts', {})
    expect(account).toMatchObject({ ...DEFAULTS, max_concurrent: 64 })
    const keys = `/operator/accounts/${account.id}/keys`
    expect(await make(keys, LIMITS)).toMatchObject(LIMITS)
    expect(await make(keys, { requests_per_minute: 1 })).toMatchObject({
      ...DEFAULTS,
      requests_per_minute: 1,
    })
  })

  it('change at once, each by itself, and null takes one away', async () => {
    const edge = await startEdge()
    const account = `/operator/accounts/${edge.account}`
    const made = await edge.operate(`${account}/keys`, { name: 'a' })
    const { id, key } = (await made.json()) as { id: string; key: string }
    const provider = await edge.provider()
    const chat = async (): Promise<number> => {
      const answered = edge.chat({}, { key })
      const ended = await Promise.race([answered, provider.jobs.next()])
      if (ended instanceof Response) return ended.status
      answerJson(ended)
      return (await answered).status
    }
    const change = async (path: string, body: object) =>
      await (await edge.operate(path, body, 'PATCH')).json()
    expect(await chat()).toBe(200)
    expect(await change(`/operator/keys/${id}`, { budget_msat_per_day: '1' })).toEqual({
      id,
      object: 'api_key',
      ...DEFAULTS,
      budget_msat_per_day: '1',
    })
    expect(await chat()).toBe(402)
    await change(`/operator/keys/${id}`, { budget_msat_per_day: null })
    expect(await chat()).toBe(200)
    expect(await change(account, { requests_per_minute: 1 })).toEqual({
      id: edge.account,
      object: 'account',
      ...DEFAULTS,
      requests_per_minute: 1,
      max_concurrent: 64,
    })
    expect([await chat(), await chat()]).toEqual([200, 429])
    await change(account, { requests_per_minute: null, max_concurrent: 1 })
    expect(await chat()).toBe(200)
  })

  it.each([
    [{ requests_per_minute: 0 }, 'requests_per_minute'],
    [{ requests_per_minute: 1.5 }, 'requests_per_minute'],
    [{ tokens_per_minute: 2 ** 31 }, 'tokens_per_minute'],
    [{ max_concurrent: '3' }, 'max_concurrent'],
    [{ budget_msat_per_day: 5 }, 'budget_msat_per_day'],
    [{ budget_msat_per_day: '-5' }, 'budget_msat_per_day'],
    [{ budget_msat_per_day: '99999999999999999999' }, 'budget_msat_per_day'],
    [{ request_per_minute: 5 }, undefined],
    [{}, undefined],
  ])('are not %o', async (body, param) => {
    const edge = await startEdge()
    const path = `/operator/accounts/${edge.account}`
    const error = await errorOf(await edge.operate(path, body, 'PATCH'))
    expect(error).toMatchObject({ status: 400, ...(param === undefined ? {} : { param }) })
    expect(edge.store.limits.size).toBe(0)
  })

  it('belong to accounts and keys that are there', async () => {
    const edge = await startEdge()
    for (const path of [
      `/operator/accounts/${newAccountId(1)}`,
      `/operator/keys/${newApiKey().id}`,
      '/operator/keys/x',
    ]) {
      expect((await edge.operate(path, LIMITS, 'PATCH')).status).toBe(404)
    }
  })
})
