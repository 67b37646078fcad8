import { newAccountId, newJobId, newRequestId, type LeaseId } from '@infernet/schemas/ids'
import { jobRecordSchema } from '@infernet/schemas/job-record'
import { makeUsage } from '@infernet/openai-compat/usage'
import type { StreamLeg } from '@infernet/openai-compat/stream-meter'
import * as fc from 'fast-check'
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
  continuable: true,
  includeUsage: false,
  n: 1,
  maxOutputTokens: 100,
  maxTokens: 500,
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
const other = {
  price: { prompt: 2_000_000, completion: 1_000_000 },
  lease: `${order.job}.2` as LeaseId,
  session: { peer: 'other' },
} as unknown as Attempt
const end = {
  usage: { prompt_tokens: 10, completion_tokens: 3 },
  finish_reason: 'stop',
  output_sha256: '',
}
const leg = (fields: Partial<StreamLeg> = {}): StreamLeg => ({
  usage: undefined,
  contentEvents: 3,
  contentBytes: 12,
  ended: true,
  ...fields,
})

type Input = Parameters<typeof jobRecord>[0]
const record = (fields: Partial<Input> = {}) =>
  jobRecord({
    order,
    status: 'completed',
    errorCode: null,
    finishReason: 'stop',
    generationId: 'chatcmpl-1',
    attempts: 1,
    legs: [{ attempt, end }],
    delivered: [leg()],
    firstByteAt: 5040,
    now: 5100,
    ...fields,
  })

describe('the record of a job', () => {
  it('is billed at the price of its lease, rounded up once', () => {
    expect(record()).toMatchObject({
      endpoint: 'chat.completions',
      generationId: 'chatcmpl-1',
      promptTokens: 10,
      completionTokens: 3,
      costMsat: 10 + 8,
      finishReason: 'stop',
      firstByteMs: 40,
      totalMs: 100,
      priorLegs: [],
    })
    expect(jobRecordSchema.parse(record())).toEqual(record())
  })

  it('believes the claim that the client saw before the provider’s last word', () => {
    const delivered = [leg({ usage: makeUsage(7, 2) })]
    expect(record({ delivered })).toMatchObject({ promptTokens: 7, completionTokens: 2 })
  })

  it('never costs more than was held', () => {
    const inflated = { ...end, usage: { prompt_tokens: 1e9, completion_tokens: 1e9 } }
    const delivered = [leg({ contentEvents: 900, contentBytes: 4000 })]
    const generous = { ...order, maxOutputTokens: 10_000 }
    const legs = [{ attempt, end: inflated }]
    expect(record({ order: generous, legs, delivered })).toMatchObject({ costMsat: 1000 })
  })

  it('never bills more tokens than the client asked for', () => {
    const inflated = { ...end, usage: { prompt_tokens: 10, completion_tokens: 1e9 } }
    const delivered = [leg({ contentEvents: 900, contentBytes: 4000 })]
    const legs = [{ attempt, end: inflated }]
    expect(record({ legs, delivered })).toMatchObject({ completionTokens: 100 })
  })

  it('charges what was delivered when it was cut', () => {
    const delivered = [leg({ contentEvents: 2, contentBytes: 9, ended: false })]
    const legs = [{ attempt, end: undefined }]
    expect(record({ status: 'cancelled', legs, delivered })).toMatchObject({
      promptTokens: 100,
      completionTokens: 2,
      finishReason: null,
      claimedTokens: 0,
    })
  })

  it.each(['completed', 'cancelled', 'failed'] as const)(
    'costs nothing when nothing was delivered, %s or not',
    (status) => {
      const usage = makeUsage(50, 50)
      const delivered = [leg({ usage, contentEvents: 0, contentBytes: 0 })]
      expect(record({ status, delivered })).toMatchObject({
        costMsat: 0,
        promptTokens: 0,
        completionTokens: 0,
        claimedTokens: 50,
      })
    },
  )

  it('bills embeddings by their input, bounded by the request', () => {
    const embeddings = { ...order, rules: { ...order.rules, endpoint: 'embeddings' as const } }
    const claimed = (prompt: number) => [
      leg({ usage: makeUsage(prompt, 0), contentEvents: 0, contentBytes: 100 }),
    ]
    expect(record({ order: embeddings, delivered: claimed(40) })).toMatchObject({
      promptTokens: 40,
      completionTokens: 0,
      costMsat: 40,
    })
    expect(record({ order: embeddings, delivered: claimed(1e9) }).promptTokens).toBe(400)
    expect(record({ order: embeddings, delivered: [] }).costMsat).toBe(0)
  })

  it('names no provider when there was none, and never runs backwards', () => {
    const fields = { legs: [], delivered: [], attempts: 0, firstByteAt: undefined }
    expect(record({ ...fields, status: 'failed', now: 4000 })).toMatchObject({
      providerId: null,
      lease: null,
      firstByteMs: null,
      totalMs: 0,
      costMsat: 0,
    })
  })
})

describe('an answer of several providers', () => {
  const legs = [
    { attempt, end: undefined },
    { attempt: other, end },
  ]

  it('pays each for what it delivered at its own price, and the prompt once', () => {
    const delivered = [leg({ ended: false }), leg({ usage: makeUsage(13, 2), contentEvents: 2 })]
    expect(record({ legs, delivered, attempts: 2 })).toMatchObject({
      providerId: 'other',
      lease: other.lease,
      promptTokens: 10,
      completionTokens: 5,
      claimedTokens: 2,
      costMsat: 8 + 20 + 2,
      priorLegs: [
        {
          providerId: 'peer',
          lease: attempt.lease,
          promptTokens: 0,
          completionTokens: 3,
          claimedTokens: 0,
          costMsat: 8,
        },
      ],
    })
  })

  it('sums to its legs and never costs more than was held', () => {
    const parts = fc.record({
      contentEvents: fc.nat(500),
      contentBytes: fc.nat(5000),
      usage: fc.option(
        fc.tuple(fc.nat(1e6), fc.nat(1e6)).map(([p, c]) => makeUsage(p, c)),
        { nil: undefined },
      ),
    })
    fc.assert(
      fc.property(fc.array(parts, { minLength: 1, maxLength: 4 }), fc.nat(5000), (all, hold) => {
        const delivered = all.map((part, i) => ({ ...part, ended: i === all.length - 1 }))
        const bill = record({
          order: { ...order, holdMsat: hold },
          legs: delivered.map(() => ({ attempt, end: undefined })),
          delivered,
        })
        const prior = bill.priorLegs.reduce((sum, { costMsat }) => sum + costMsat, 0)
        expect(bill.costMsat).toBeLessThanOrEqual(hold)
        expect(prior).toBeLessThanOrEqual(bill.costMsat)
        expect(bill.completionTokens).toBeLessThanOrEqual(100)
        expect(jobRecordSchema.parse(bill)).toEqual(bill)
      }),
    )
  })
})
