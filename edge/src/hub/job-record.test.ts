import { newAccountId, newJobId, newRequestId, type LeaseId } from '@infernet/schemas/ids'
import { jobRecordSchema } from '@infernet/schemas/job-record'
import { makeUsage } from '@infernet/openai-compat/usage'
import { describe, expect, it } from 'vitest'
import type { JobOrder } from '../ports.ts'
import type { Attempt } from './attempt.ts'
import { jobRecord } from './job-record.ts'
import { plainRules } from './match-rules.ts'

const order: JobOrder = {
  job: newJobId(1),
  requestId: newRequestId(1),
  accountId: newAccountId(1),
  apiKeyId: 'key' as JobOrder['apiKeyId'],
  model: 'm',
  stream: true,
  includeUsage: false,
  n: 1,
  maxOutputTokens: 100,
  messages: 1,
  rules: plainRules('chat.completions', { prompt: 1e6, completion: 1e6 }),
  holdMsat: 1000,
  body: new Uint8Array(400),
  createdAt: 5000,
}
const attempt = {
  price: { prompt: 1_000_000, completion: 2_500_000 },
  lease: `${order.job}.1` as LeaseId,
  session: { peer: 'peer' },
} as unknown as Attempt
const end = {
  usage: { prompt_tokens: 10, completion_tokens: 3 },
  finish_reason: 'stop',
  output_sha256: '',
}

type Input = Parameters<typeof jobRecord>[0]
const record = (fields: Partial<Input> = {}) =>
  jobRecord({
    order,
    status: 'completed',
    errorCode: null,
    attempts: 1,
    attempt,
    end,
    delivered: { usage: undefined, contentEvents: 3, contentBytes: 12 },
    firstByteAt: 5040,
    now: 5100,
    ...fields,
  })

describe('the record of a job', () => {
  it('is billed at the price of its lease, rounded up once', () => {
    expect(record()).toMatchObject({
      promptTokens: 10,
      completionTokens: 3,
      costMsat: 10 + 8,
      finishReason: 'stop',
      firstByteMs: 40,
      totalMs: 100,
    })
    expect(jobRecordSchema.parse(record())).toEqual(record())
  })

  it('believes the claim that the client saw before the provider’s last word', () => {
    const delivered = { usage: makeUsage(7, 2), contentEvents: 3, contentBytes: 12 }
    expect(record({ delivered })).toMatchObject({ promptTokens: 7, completionTokens: 2 })
  })

  it('never costs more than was held', () => {
    const inflated = { ...end, usage: { prompt_tokens: 1e9, completion_tokens: 1e9 } }
    const delivered = { usage: undefined, contentEvents: 900, contentBytes: 4000 }
    const generous = { ...order, maxOutputTokens: 10_000 }
    expect(record({ order: generous, end: inflated, delivered })).toMatchObject({ costMsat: 1000 })
  })

  it('never bills more tokens than the client asked for', () => {
    const inflated = { ...end, usage: { prompt_tokens: 10, completion_tokens: 1e9 } }
    const delivered = { usage: undefined, contentEvents: 900, contentBytes: 4000 }
    expect(record({ end: inflated, delivered })).toMatchObject({ completionTokens: 100 })
  })

  it('charges what was delivered when it was cut', () => {
    const delivered = { usage: undefined, contentEvents: 2, contentBytes: 9 }
    expect(record({ status: 'cancelled', end: undefined, delivered })).toMatchObject({
      promptTokens: 100,
      completionTokens: 2,
      finishReason: null,
      claimedTokens: 0,
    })
  })

  it.each(['completed', 'cancelled', 'failed'] as const)(
    'costs nothing when nothing was delivered, %s or not',
    (status) => {
      const delivered = { usage: makeUsage(50, 50), contentEvents: 0, contentBytes: 0 }
      expect(record({ status, delivered })).toMatchObject({
        costMsat: 0,
        promptTokens: 0,
        completionTokens: 0,
        claimedTokens: 50,
      })
    },
  )

  it('names no provider when there was none, and never runs backwards', () => {
    const delivered = { usage: undefined, contentEvents: 0, contentBytes: 0 }
    const fields = { attempt: undefined, attempts: 0, end: undefined, firstByteAt: undefined }
    expect(record({ ...fields, status: 'failed', delivered, now: 4000 })).toMatchObject({
      providerId: null,
      lease: null,
      firstByteMs: null,
      totalMs: 0,
      costMsat: 0,
    })
  })
})
