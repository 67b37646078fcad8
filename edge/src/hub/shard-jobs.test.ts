import { apiErrors } from '@infernet/openai-compat/api-errors'
import type { AccountId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import { describe, expect, it } from 'vitest'
import type { JobAnswer } from '../ports.ts'
import { orderOf } from '../testing/job-orders.ts'
import { recordOf } from '../testing/job-records.ts'
import { fieldsOf } from './job-errors.ts'
import { ShardJobs } from './shard-jobs.ts'

const busy: JobAnswer = { kind: 'error', error: fieldsOf(apiErrors.overloaded(1)) }
const opened: JobAnswer = { kind: 'stream', provider: undefined, body: new ReadableStream() }
const nobody = { status: 'failed', errorCode: 'overloaded', firstByteMs: null } as const

/** A hub in which every job ends with this record and this answer. */
function jobsThatEnd(fields: Partial<JobRecord>, answer: JobAnswer) {
  const settled: JobRecord[] = []
  const waits: boolean[] = []
  const jobs: ShardJobs = new ShardJobs({
    submit: async (order, { mayWait }) => {
      waits.push(mayWait)
      jobs.ended(recordOf(order.job, 'acct_1' as AccountId, fields))
      return answer
    },
    settle: (record) => void settled.push(record),
  })
  return { jobs, settled, waits }
}

describe('a job in one of several shards', () => {
  it('that nobody takes is handed back unsettled, and does not wait', async () => {
    const { jobs, settled, waits } = jobsThatEnd(nobody, busy)
    const answer = await jobs.submit(orderOf(), false)
    expect(answer).toMatchObject({ kind: 'unplaced', isBusy: true, record: nobody })
    expect(settled).toEqual([])
    expect(waits).toEqual([false])
  })

  it('that can go nowhere else may wait, and is settled', async () => {
    const { jobs, settled, waits } = jobsThatEnd(nobody, busy)
    expect(await jobs.submit(orderOf(), true)).toBe(busy)
    expect(settled).toHaveLength(1)
    expect(waits).toEqual([true])
  })

  it.each([
    ['was answered', { status: 'completed' }],
    ['was cancelled', { ...nobody, status: 'cancelled' }],
    ['delivered something', { ...nobody, firstByteMs: 3 }],
    ['owes somebody', { ...nobody, costMsat: 1 }],
    ['is wrong in itself', { ...nobody, errorCode: 'engine_refused' }],
  ] as const)('that %s is settled here', async (_, fields) => {
    const { jobs, settled } = jobsThatEnd(fields, busy)
    expect(await jobs.submit(orderOf(), false)).toBe(busy)
    expect(settled).toHaveLength(1)
  })

  it('whose client has been sent a sign of life is settled here', async () => {
    const { jobs, settled } = jobsThatEnd(nobody, opened)
    expect(await jobs.submit(orderOf(), false)).toBe(opened)
    expect(settled).toHaveLength(1)
  })

  it('is moving from its end here until its answer is given', async () => {
    const order = orderOf()
    const answer = Promise.withResolvers<JobAnswer>()
    const jobs = new ShardJobs({ submit: () => answer.promise, settle: () => {} })
    const submitted = jobs.submit(order, false)
    expect(jobs.isMoving(order.job)).toBe(false)
    jobs.ended(recordOf(order.job, 'acct_1' as AccountId, nobody))
    expect(jobs.isMoving(order.job)).toBe(true)
    answer.resolve(busy)
    await submitted
    expect(jobs.isMoving(order.job)).toBe(false)
  })
})
