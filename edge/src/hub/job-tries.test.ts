import { apiErrors } from '@infernet/openai-compat/api-errors'
import { describe, expect, it } from 'vitest'
import { MAX_ATTEMPTS, MAX_OFFERS } from '../limits.ts'
import { JobTries } from './job-tries.ts'

const failure = apiErrors.providerFailed()
const times = (count: number, act: (i: number) => void): void => {
  for (let i = 0; i < count; i++) act(i)
}

describe('the tries of a job', () => {
  it('are spent when enough have failed it', () => {
    const tries = new JobTries()
    times(MAX_ATTEMPTS - 1, (i) => tries.failed(`peer-${i}`, failure, false))
    expect(tries.isSpent).toBe(false)
    tries.failed('last', failure, true)
    expect(tries.isSpent).toBe(true)
    expect(tries.lastError).toBe(failure)
  })

  it('are spent when it was offered often enough, busy or not', () => {
    const tries = new JobTries()
    times(MAX_OFFERS - 1, () => {
      tries.offered()
      tries.busy(apiErrors.overloaded(1))
    })
    expect(tries.isSpent).toBe(false)
    expect(tries.offered()).toBe(MAX_OFFERS)
    expect(tries.isSpent).toBe(true)
  })

  it('leave out who has failed it, not who was busy or may come back', () => {
    const tries = new JobTries()
    tries.failed('failed', failure, false)
    tries.failed('lost', failure, true)
    tries.busy(apiErrors.overloaded(1))
    tries.exclude('slow')
    expect([...tries.excluded]).toEqual(['failed', 'slow'])
  })

  it('end with the error that came last', () => {
    const tries = new JobTries()
    expect(tries.lastError).toBeUndefined()
    tries.failed('failed', failure, false)
    const busy = apiErrors.overloaded(1)
    tries.busy(busy)
    expect(tries.lastError).toBe(busy)
  })

  it('leave room for a hedge until the job was in so many hands', () => {
    const tries = new JobTries()
    times(MAX_ATTEMPTS - 1, () => tries.offered())
    expect(tries.mayHedge).toBe(true)
    tries.offered()
    expect(tries.mayHedge).toBe(false)
  })
})
