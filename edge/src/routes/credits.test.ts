import { newAccountId } from '@infernet/schemas/ids'
import { describe, expect, it } from 'vitest'
import { answerJson } from '../testing/answers.ts'
import { errorOf } from '../testing/error-answer.ts'
import { CREDIT_MSAT, startEdge } from '../testing/test-edge.ts'

describe('GET /v1/credits', () => {
  it('says what the account has bought and used, as soon as it has', async () => {
    const edge = await startEdge()
    const provider = await edge.provider()
    const chat = edge.chat()
    answerJson(await provider.jobs.next())
    await chat
    const answered = await edge.request('/v1/credits')
    const { costMsat } = edge.record
    expect(costMsat).toBeGreaterThan(0)
    expect(await answered.json()).toEqual({
      data: {
        total_credits: CREDIT_MSAT,
        total_usage: costMsat,
        total_credits_sat: CREDIT_MSAT / 1000,
        total_usage_sat: costMsat / 1000,
        available_msat: String(CREDIT_MSAT - costMsat),
        reserved_msat: '0',
      },
    })
  })

  it('says nothing of an account but its own, which may have nothing', async () => {
    const edge = await startEdge()
    const key = edge.addKey(newAccountId(0))
    expect(await (await edge.request('/v1/credits', { key })).json()).toMatchObject({
      data: { total_credits: 0, total_usage: 0, available_msat: '0' },
    })
    expect(await errorOf(await edge.request('/v1/credits', { key: 'sk-x' }))).toMatchObject({
      status: 401,
    })
  })
})
