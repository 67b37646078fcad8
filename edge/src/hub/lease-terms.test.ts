import { leaseOf } from '@infernet/schemas/ids'
import { jobHeaderSchema } from '@infernet/schemas/wire'
import { describe, expect, it } from 'vitest'
import { modelOffer } from '../testing/fake-provider.ts'
import { orderOf } from '../testing/job-orders.ts'
import { remainingTask, wholeTask } from './job-task.ts'
import { plainRules } from './match-rules.ts'
import { jobHeader, leasePrice } from './lease-terms.ts'

const price = { prompt: 3, completion: 4 }
const maxPrice = { prompt: 8, completion: 9 }
const order = orderOf({ rules: plainRules('chat.completions', maxPrice) })

describe('the price of a lease', () => {
  it('is what its provider asks now', () => {
    expect(leasePrice(order, modelOffer('tiny', { price }))).toBe(price)
  })

  it('is what the client agreed to at most where the offer is gone', () => {
    expect(leasePrice(order, undefined)).toBe(maxPrice)
  })

  it('is nothing for a self-test', () => {
    const free = { prompt: 0, completion: 0 }
    expect(leasePrice({ ...order, isSelfTest: true }, modelOffer('tiny', { price }))).toEqual(free)
  })
})

describe('a job’s header', () => {
  const body = new TextEncoder().encode(
    '{"model":"tiny","messages":[{"role":"user","content":"a"}]}',
  )
  const chat = { ...order, body }
  const lease = leaseOf(chat.job, 1)
  const headerOf = (task = wholeTask(chat), timeLeftMs = 1_000) =>
    jobHeader({ lease, price, task, run: { order: chat } }, { seed: 7, timeLeftMs })

  it('is one that agents can read', () => {
    const header = headerOf()
    expect(jobHeaderSchema.parse(header)).toEqual(header)
    expect(header).toMatchObject({ lease, price, seed: 7, continues: false, max_output_tokens: 10 })
  })

  it('asks for the rest of an answer that another has begun', () => {
    const rest = headerOf(remainingTask(chat, 'so far', 4))
    expect(rest).toMatchObject({ continues: true, max_output_tokens: 6 })
  })

  it.each([
    [1_000.9, 1_000],
    [0.4, 1],
    [-5, 1],
  ])('tells of %d ms that are left as %d', (left, told) => {
    expect(headerOf(undefined, left).deadline_ms).toBe(told)
  })
})
