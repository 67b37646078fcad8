import { COMPONENTS } from '@infernet/openai-compat/openapi/components'
import { newAccountId } from '@infernet/schemas/ids'
import { describe, expect, it } from 'vitest'
import { answerJson } from '../testing/answers.ts'
import { errorOf } from '../testing/error-answer.ts'
import { startEdge } from '../testing/test-edge.ts'

const DAY_MS = 86_400_000

describe('GET /v1/usage', () => {
  it('has a row for each day and model, the latest first, as soon as it was used', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const chat = async () => {
      const answer = edge.chat()
      answerJson(await provider.jobs.next())
      await answer
    }
    const list = async (query = '') =>
      COMPONENTS.UsageList.parse(await (await edge.request(`/v1/usage${query}`)).json())

    expect(await list()).toEqual({ object: 'list', data: [], has_more: false })
    await chat()
    await chat()
    const before = new Date(edge.clock.now()).toISOString().slice(0, 10)
    edge.clock.advance(DAY_MS)
    await chat()
    const today = new Date(edge.clock.now()).toISOString().slice(0, 10)
    const { costMsat, promptTokens, completionTokens } = edge.records[0]!
    const row = (date: string, requests: number) => ({
      object: 'usage.day',
      date,
      model: 'tiny',
      requests,
      prompt_tokens: requests * promptTokens,
      completion_tokens: requests * completionTokens,
      cost_msat: String(requests * costMsat),
    })
    expect((await list()).data).toEqual([row(today, 1), row(before, 2)])
    expect((await list('?days=1')).data).toEqual([row(today, 1)])
    expect((await list('?days=90')).data).toHaveLength(2)
  })

  it('says nothing of other accounts, nor anything for days that make no sense', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const answer = edge.chat()
    answerJson(await provider.jobs.next())
    await answer
    const key = edge.addKey(newAccountId(0))
    expect(await (await edge.request('/v1/usage', { key })).json()).toMatchObject({ data: [] })
    for (const days of ['0', '91', '-1', 'x', '1.5', '']) {
      const refused = { status: 400, param: 'days' }
      expect(await errorOf(await edge.request(`/v1/usage?days=${days}`))).toMatchObject(refused)
    }
  })
})
