import { describe, expect, it } from 'vitest'
import { answerJson } from '../testing/answers.ts'
import { errorOf } from '../testing/error-answer.ts'
import { CREDIT_MSAT, startEdge } from '../testing/test-edge.ts'

const NO_LIMITS = {
  requests_per_minute: null,
  tokens_per_minute: null,
  max_concurrent: null,
  budget_msat_per_day: null,
}

describe('GET /v1/key', () => {
  it('says what a key may use, has used and may still use', async () => {
    const edge = await startEdge()
    const { account } = edge
    await edge.operate(`/operator/accounts/${account}`, { requests_per_minute: 60 }, 'PATCH')
    const limits = { budget_msat_per_day: '5000', max_concurrent: 3, tokens_per_minute: 10_000 }
    const made = await edge.operate(`/operator/accounts/${account}/keys`, { name: 'a', ...limits })
    const { id, key } = (await made.json()) as { id: string; key: string }
    const provider = await edge.provider()
    const chat = edge.chat({}, { key })
    answerJson(await provider.jobs.next())
    await chat
    await edge.accounts.flush()
    const spent = CREDIT_MSAT - (await edge.balance()).availableMsat
    expect(spent).toBeGreaterThan(0)
    const used = edge.record.promptTokens + edge.record.completionTokens
    const answered = await edge.request('/v1/key', { key })
    expect(await answered.json()).toEqual({
      data: {
        id,
        limit: '5000',
        limit_remaining: String(5000 - spent),
        limit_reset: 'daily',
        usage_daily: String(spent),
        key: {
          limits: { ...NO_LIMITS, ...limits },
          spent_today_msat: String(spent),
          reserved_msat: '0',
          open_jobs: 0,
          budget_left_msat: String(5000 - spent),
          requests: null,
          tokens: { limit: 10_000, remaining: 10_000 - used, reset_ms: used * 6 },
        },
        account: {
          id: account,
          limits: { ...NO_LIMITS, requests_per_minute: 60, max_concurrent: 64 },
          spent_today_msat: String(spent),
          reserved_msat: '0',
          open_jobs: 0,
          budget_left_msat: null,
          requests: { limit: 60, remaining: 59, reset_ms: 1000 },
          tokens: null,
        },
      },
    })
  })

  it('has nothing to say of a key without limits but its account’s', async () => {
    const edge = await startEdge()
    const { data } = (await (await edge.request('/v1/key')).json()) as { data: object }
    expect(data).toMatchObject({
      limit: null,
      limit_remaining: null,
      limit_reset: null,
      usage_daily: null,
      key: { limits: NO_LIMITS, spent_today_msat: null },
      account: { limits: { max_concurrent: 64 }, spent_today_msat: '0', open_jobs: 0 },
    })
  })

  it('is for those who have a key', async () => {
    const edge = await startEdge()
    expect(await errorOf(await edge.request('/v1/key', { key: 'sk-x' }))).toMatchObject({
      status: 401,
    })
  })
})
