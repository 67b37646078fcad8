import { describe, expect, it } from 'vitest'
import { jobRecordSchema, type JobRecord } from './job-record.ts'

const completed: JobRecord = {
  id: 'job_1',
  accountId: 'acct_1',
  apiKeyId: '0123456789abcdef',
  requestId: 'req_1',
  endpoint: 'chat.completions',
  model: 'infernet/tiny',
  generationId: 'chatcmpl-1',
  stream: true,
  status: 'completed',
  errorCode: null,
  finishReason: 'stop',
  providerId: '12D3KooW',
  lease: 'job_1.1',
  attempts: 1,
  priorLegs: [],
  promptTokens: 7,
  completionTokens: 11,
  claimedTokens: 12,
  holdMsat: 9000,
  costMsat: 6,
  createdAt: 1_767_312_000_000,
  firstByteMs: 20,
  totalMs: 450,
}
const continued: JobRecord = {
  ...completed,
  attempts: 2,
  priorLegs: [
    {
      providerId: '12D3KooX',
      lease: 'job_1.1',
      promptTokens: 3,
      completionTokens: 4,
      claimedTokens: 5,
      costMsat: 2,
    },
  ],
}
const expired: JobRecord = {
  ...completed,
  generationId: null,
  status: 'expired',
  errorCode: 'expired',
  finishReason: null,
  providerId: null,
  lease: null,
  attempts: 0,
  costMsat: 0,
  firstByteMs: null,
}

describe('a job record', () => {
  it.each([completed, continued, expired])(
    'is the same after a trip through JSON: $status',
    (record) => {
      expect(jobRecordSchema.parse(JSON.parse(JSON.stringify(record)))).toEqual(record)
    },
  )

  it('is whole: no field may be missing', () => {
    for (const field of Object.keys(completed)) {
      const { [field as keyof JobRecord]: _, ...rest } = completed
      const result = jobRecordSchema.safeParse(rest)
      expect(result.error?.issues.map(({ path }) => path)).toEqual([[field]])
    }
  })

  it.each([
    'attempts',
    'promptTokens',
    'completionTokens',
    'claimedTokens',
    'holdMsat',
    'costMsat',
    'createdAt',
    'firstByteMs',
    'totalMs',
  ])('counts %s in safe, whole numbers from 0', (field) => {
    for (const value of [-1, 0.5, 2 ** 53, '1']) {
      expect(jobRecordSchema.safeParse({ ...completed, [field]: value }).success).toBe(false)
    }
    for (const value of [0, Number.MAX_SAFE_INTEGER]) {
      expect(jobRecordSchema.safeParse({ ...completed, [field]: value }).success).toBe(true)
    }
  })

  it('is whole in each of its legs too', () => {
    const [leg] = continued.priorLegs
    for (const field of Object.keys(leg ?? {})) {
      const priorLegs = [{ ...leg, [field]: undefined }]
      const result = jobRecordSchema.safeParse({ ...continued, priorLegs })
      expect(result.error?.issues.map(({ path }) => path)).toEqual([['priorLegs', 0, field]])
    }
  })

  it('ends in one of four ways', () => {
    for (const status of ['completed', 'cancelled', 'failed', 'expired']) {
      expect(jobRecordSchema.safeParse({ ...completed, status }).success).toBe(true)
    }
    expect(jobRecordSchema.safeParse({ ...completed, status: 'running' }).success).toBe(false)
  })
})
