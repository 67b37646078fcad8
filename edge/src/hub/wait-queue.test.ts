import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_QUEUED, MAX_QUEUED_PER_ACCOUNT } from '../limits.ts'
import { MAX_FAILED_TRIES, WaitQueue } from './wait-queue.ts'

const FAR = 1e9
const ticket = (accountId: string, model = 'm', deadline = FAR) => ({ model, accountId, deadline })

/** Queues these jobs, each named after its account: `a1` is one of account `a`. */
function queueOf(...jobs: string[]): WaitQueue<string> {
  const queue = new WaitQueue<string>()
  for (const job of jobs) queue.add(job, ticket(job.charAt(0)))
  return queue
}

/** The order in which jobs leave when each wake has room for so many. */
function leaving(queue: WaitQueue<string>, perWake: number): string[] {
  const left: string[] = []
  while (queue.size > 0) {
    let room = perWake
    queue.wake('m', (job) => {
      if (room === 0) return false
      room--
      left.push(job)
      return true
    })
  }
  return left
}

/** Jobs tried in one wake in which nobody can be placed. */
function triedInVain(queue: WaitQueue<string>): string[] {
  const tried: string[] = []
  queue.wake('m', (job) => {
    tried.push(job)
    return false
  })
  return tried
}

const anyAccount = fc.constantFrom('a', 'b', 'c', 'd')
const anyModel = fc.constantFrom('m', 'n')
const anyJobs = fc.array(fc.record({ account: anyAccount, model: anyModel }), { maxLength: 80 })

describe('the queue of waiting jobs', () => {
  it('lets accounts take turns, each with its oldest job', () => {
    for (const perWake of [1, 2, 10]) {
      const queue = queueOf('a1', 'a2', 'a3', 'b1', 'c1', 'c2')
      expect(leaving(queue, perWake)).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3'])
    }
  })

  it('keeps a hundred jobs of some from delaying the one of another by more than a turn each', () => {
    const anyCrowd = fc.array(fc.integer({ min: 1, max: MAX_QUEUED_PER_ACCOUNT }), { maxLength: 6 })
    fc.assert(
      fc.property(anyCrowd, fc.integer({ min: 1, max: 5 }), (crowd, perWake) => {
        const queue = new WaitQueue<string>()
        for (const [account, jobs] of crowd.entries()) {
          for (let i = 0; i < jobs; i++) queue.add(`${account}-${i}`, ticket(`crowd-${account}`))
        }
        queue.add('single', ticket('newcomer'))
        const left = leaving(queue, perWake)
        expect(left.indexOf('single')).toBeLessThanOrEqual(crowd.length)
      }),
    )
  })

  it('serves each account in the order of its jobs', () => {
    fc.assert(
      fc.property(
        fc.array(anyAccount, { maxLength: 60 }),
        fc.integer({ min: 1, max: 4 }),
        (accounts, perWake) => {
          const jobs = accounts.map((account, i) => `${account}${i}`)
          const left = leaving(queueOf(...jobs), perWake)
          for (const account of 'abcd') {
            const own = (list: readonly string[]) => list.filter((job) => job.startsWith(account))
            expect(own(left)).toEqual(own(jobs))
          }
        },
      ),
    )
  })

  it('loses no job and gives none twice, whoever can be placed when', () => {
    const anyAnswers = fc.array(fc.boolean(), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(anyJobs, anyAnswers, fc.nat({ max: 79 }), (jobs, answers, removed) => {
        const queue = new WaitQueue<number>()
        const waiting = new Set<number>()
        for (const [job, { account, model }] of jobs.entries()) {
          if (queue.add(job, ticket(account, model))) waiting.add(job)
        }
        queue.remove(removed)
        waiting.delete(removed)
        for (const [turn, answer] of answers.entries()) {
          queue.wake(turn % 2 === 0 ? 'm' : 'n', (job) => {
            expect(waiting.has(job)).toBe(true)
            expect(jobs[job]?.model).toBe(turn % 2 === 0 ? 'm' : 'n')
            const placed = answer && job % 3 !== turn % 3
            if (placed) waiting.delete(job)
            return placed
          })
        }
        expect(queue.size).toBe(waiting.size)
        const ofM = [...waiting].filter((job) => jobs[job]?.model === 'm')
        expect(queue.lengthOf('m')).toBe(ofM.length)
        expect(queue.lengthOf('n')).toBe(waiting.size - ofM.length)
        expect(new Set(queue.models()).has('m')).toBe(ofM.length > 0)
        expect(new Set(queue.expire(FAR))).toEqual(waiting)
        expect(queue.size).toBe(0)
        expect([...queue.models()]).toEqual([])
      }),
    )
  })

  it('gives up a wake after so many failures', () => {
    const queue = queueOf(...Array.from({ length: 40 }, (_, i) => `a${i}`))
    expect(triedInVain(queue)).toHaveLength(MAX_FAILED_TRIES)
    expect(queue.size).toBe(40)
  })

  it('tries those whose turn it is first, again and again', () => {
    const queue = queueOf(...Array.from({ length: 40 }, (_, i) => `a${i}`))
    for (let wakes = 0; wakes < 5; wakes++) {
      expect(triedInVain(queue).slice(0, 2)).toEqual(['a0', 'a1'])
    }
    expect(leaving(queue, 1)[0]).toBe('a0')
  })

  it('gets round to every job, however many before it suit nobody', () => {
    const anyPlace = fc.integer({ min: 0, max: MAX_QUEUED_PER_ACCOUNT - 1 })
    fc.assert(
      fc.property(anyPlace, fc.boolean(), (place, manyAccounts) => {
        const queue = new WaitQueue<number>()
        for (let i = 0; i < MAX_QUEUED_PER_ACCOUNT; i++) {
          queue.add(i, ticket(manyAccounts ? `account-${i}` : 'one'))
        }
        let wakes = 0
        while (queue.size === MAX_QUEUED_PER_ACCOUNT && wakes < 100) {
          wakes++
          queue.wake('m', (job) => job === place)
        }
        expect(wakes).toBeLessThanOrEqual(MAX_QUEUED_PER_ACCOUNT / (MAX_FAILED_TRIES / 2))
      }),
    )
  })

  it('leaves a job in its place that could not be placed', () => {
    const queue = queueOf('a1', 'b1', 'a2')
    queue.wake('m', (job) => job === 'b1')
    expect(leaving(queue, 1)).toEqual(['a1', 'a2'])
  })

  it('has room for so many of one account, and of all', () => {
    const queue = new WaitQueue<number>()
    for (let i = 0; i < MAX_QUEUED_PER_ACCOUNT; i++) {
      expect(queue.add(i, ticket('a', `model-${i % 3}`))).toBe(true)
    }
    expect(queue.add(-1, ticket('a', 'other'))).toBe(false)
    let next = MAX_QUEUED_PER_ACCOUNT
    while (next < MAX_QUEUED) expect(queue.add(next, ticket(`account-${next++}`))).toBe(true)
    expect(queue.add(-2, ticket('newcomer'))).toBe(false)
    expect(queue.size).toBe(MAX_QUEUED)
    queue.remove(0)
    expect(queue.add(-3, ticket('a'))).toBe(true)
  })

  it('returns those whose time is over, once', () => {
    const queue = new WaitQueue<string>()
    queue.add('late', ticket('a', 'm', 100))
    queue.add('later', ticket('b', 'n', 200))
    expect(queue.expire(99)).toEqual([])
    expect(queue.expire(100)).toEqual(['late'])
    expect(queue.expire(100)).toEqual([])
    expect([...queue.models()]).toEqual(['n'])
  })

  it('keeps a job that comes back while it is being placed', () => {
    const queue = queueOf('a1', 'a2', 'b1')
    const tried: string[] = []
    queue.wake('m', (job) => {
      tried.push(job)
      if (job === 'a1') queue.add('a1', ticket('a'))
      return true
    })
    expect(tried).toEqual(['a1', 'b1', 'a2'])
    expect(queue.size).toBe(1)
    expect(leaving(queue, 1)).toEqual(['a1'])
  })

  it('does not try a job that another one took along', () => {
    const queue = queueOf('a1', 'b1', 'c1')
    const tried: string[] = []
    queue.wake('m', (job) => {
      tried.push(job)
      queue.remove('b1')
      return true
    })
    expect(tried).toEqual(['a1', 'c1'])
  })

  it('has nothing to do for a model that nobody waits for', () => {
    const queue = queueOf('a1')
    queue.wake('other', () => expect.fail('nobody waits for it'))
    queue.remove('unknown')
    expect(queue.lengthOf('other')).toBe(0)
  })
})
