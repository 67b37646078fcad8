import { newAccountId, newJobId, type ApiKeyId, type JobId } from '@infernet/schemas/ids'
import { describe, expect, it } from 'vitest'
import { NodeSql } from '../hosts/node/node-sql.ts'
import type { OnceRequest, StoredAnswer } from '../ports.ts'
import { recordOf } from '../testing/job-records.ts'
import { onceOf, storedAnswer } from '../testing/once-requests.ts'
import {
  MAX_ONCE_BODY_BYTES,
  MAX_ONCE_BYTES,
  ONCE_KEPT_MS,
  ONCE_RUN_MS,
  OnceLog,
} from './once-log.ts'
import { migrate } from './schema.ts'

const ALICE = newAccountId(1)
const NEW = { state: 'new' }
const NOT_KEPT = { state: 'done', answer: { status: 409 } }

function open(sql = new NodeSql(':memory:')) {
  migrate(sql)
  const log = new OnceLog(sql)
  const finish = ({ accountId, key, job }: OnceRequest, answer?: StoredAnswer) =>
    log.finish({ accountId, key, job, answer })
  const held = ({ accountId, job }: OnceRequest) => log.held(accountId, job)
  const settled = (
    { accountId, job }: OnceRequest,
    costMsat: number,
    status: 'completed' | 'failed' | 'expired' = costMsat > 0 ? 'completed' : 'failed',
  ) => log.settled(job, recordOf(newJobId(1), accountId, { costMsat, status }))
  const count = (table: string) => sql.exec(`select count(*) as n from ${table}`)[0]?.['n']
  return { sql, log, finish, held, settled, count }
}
/** The same request, as its client sends it again. */
const again = (request: OnceRequest, fields: Partial<OnceRequest> = {}): OnceRequest => ({
  ...request,
  job: newJobId(1),
  ...fields,
})

/** Runs a request to its end. */
const run = (test: ReturnType<typeof open>, request: OnceRequest, answer: StoredAnswer) => {
  test.log.begin(request)
  test.finish(request, answer)
}

describe('a request with an idempotency key', () => {
  it('runs once, and gives its repetitions the answer', () => {
    const { log, finish } = open()
    const request = onceOf(ALICE)
    expect(log.begin(request)).toEqual(NEW)
    expect(log.begin(again(request))).toEqual({ state: 'running', job: request.job })
    const answer = storedAnswer('{"a":"ä"}')
    finish(request, answer)
    for (let i = 0; i < 2; i++) expect(log.begin(again(request))).toEqual({ state: 'done', answer })
  })

  it('conflicts with another request under its key, running or done', () => {
    const { log, finish } = open()
    const request = onceOf(ALICE)
    const other = again(request, { fingerprint: 'other' })
    log.begin(request)
    expect(log.begin(other)).toEqual({ state: 'conflict' })
    finish(request, storedAnswer())
    expect(log.begin(other)).toEqual({ state: 'conflict' })
  })

  it('belongs to its API key and its account', () => {
    const { log } = open()
    const request = onceOf(ALICE)
    log.begin(request)
    expect(log.begin(again(request, { apiKeyId: 'another' as ApiKeyId }))).toEqual(NEW)
    expect(log.begin(again(request, { accountId: newAccountId(2) }))).toEqual(NEW)
    expect(log.begin(again(request, { key: 'another' }))).toEqual(NEW)
  })

  it('tells by its name whom its end concerns', () => {
    const { log, finish } = open()
    const request = onceOf(ALICE)
    log.begin(request)
    expect(log.isRunning(ALICE, request.key)).toBe(true)
    expect(finish(request, storedAnswer())).toBe(`${ALICE} ${request.key}`)
    expect(finish(request, storedAnswer('late'))).toBeUndefined()
    expect(log.isRunning(ALICE, request.key)).toBe(false)
  })

  it('is ended by nobody but the run that began it', () => {
    const { log, finish } = open()
    const request = onceOf(ALICE)
    log.begin(request)
    expect(finish(again(request), storedAnswer('forged'))).toBeUndefined()
    expect(log.begin(again(request))).toEqual({ state: 'running', job: request.job })
  })
})

describe('a request that fails', () => {
  it('is forgotten when nothing was charged, with or without a hold', () => {
    const { log, finish, held, settled } = open()
    const request = onceOf(ALICE)
    log.begin(request)
    expect(finish(request)).toBeDefined()
    const second = again(request, { fingerprint: 'other' })
    expect(log.begin(second)).toEqual(NEW)
    held(second)
    settled(second, 0)
    expect(finish(second)).toBeDefined()
    expect(log.begin(again(request))).toEqual(NEW)
  })

  it('waits for its last hold to know whether it was charged', () => {
    const { log, finish, held, settled } = open()
    for (const [cost, expected] of [[0, NEW] as const, [7, NOT_KEPT] as const]) {
      const request = onceOf(ALICE, { key: `cost ${cost}` })
      log.begin(request)
      held(request)
      held(request)
      expect(finish(request)).toBeUndefined()
      expect(settled(request, cost)).toBeUndefined()
      expect(log.begin(again(request))).toMatchObject({ state: 'running' })
      expect(settled(request, 0)).toBeDefined()
      expect(log.begin(again(request))).toMatchObject(expected)
    }
  })

  it.each(['before', 'after'] as const)(
    'is forgotten when its answer is kept %s its hold says that only a failure was delivered',
    (when) => {
      const { log, finish, held, settled, count } = open()
      const request = onceOf(ALICE)
      log.begin(request)
      held(request)
      if (when === 'after') settled(request, 0, 'failed')
      finish(request, storedAnswer('data: {"error":{}}'))
      if (when === 'before') settled(request, 0, 'failed')
      expect(log.begin(again(request))).toEqual(NEW)
      expect(count('once_body')).toBe(0)
    },
  )

  it('is no failure when another model answered after all, or the model is free', () => {
    const { log, finish, held, settled } = open()
    const [fallback, free] = [onceOf(ALICE), onceOf(ALICE, { key: 'free' })]
    for (const request of [fallback, free]) log.begin(request)
    held(fallback)
    settled(fallback, 0, 'failed')
    held(fallback)
    finish(fallback, storedAnswer())
    settled(fallback, 3)
    held(free)
    settled(free, 0, 'completed')
    finish(free, storedAnswer())
    for (const request of [fallback, free]) {
      expect(log.begin(again(request))).toMatchObject({ state: 'done', answer: { status: 200 } })
    }
  })
})

describe('a request whose edge died', () => {
  it.each([
    [0, NEW],
    [7, NOT_KEPT],
  ])(
    'after being charged %i is run anew or never again, when the next one starts',
    (cost, then) => {
      const { sql, log, held, settled } = open()
      const request = onceOf(ALICE)
      log.begin(request)
      held(request)
      settled(request, cost, 'completed')
      const next = open(sql)
      expect(next.log.begin(again(request))).toMatchObject({ state: 'running' })
      next.log.recover()
      expect(next.log.begin(again(request))).toMatchObject(then)
    },
  )

  it('ends when its hold expires, unless another of its holds was charged', () => {
    const { log, held, settled } = open()
    const [uncharged, charged] = [onceOf(ALICE), onceOf(ALICE, { key: 'charged' })]
    for (const request of [uncharged, charged]) {
      log.begin(request)
      held(request)
    }
    expect(settled(uncharged, 0, 'expired')).toBeDefined()
    held(charged)
    settled(charged, 3)
    expect(settled(charged, 0, 'expired')).toBeDefined()
    expect(log.begin(again(uncharged))).toEqual(NEW)
    expect(log.begin(again(charged))).toMatchObject(NOT_KEPT)
  })

  it('blocks its repetitions no longer than any request can run', () => {
    const { log, held, settled } = open()
    const [idle, charged, running] = ['idle', 'charged', 'running'].map((key) =>
      onceOf(ALICE, { key }),
    ) as [OnceRequest, OnceRequest, OnceRequest]
    for (const request of [idle, charged, running]) log.begin(request)
    held(charged)
    settled(charged, 1)
    held(running)
    const states = (now: number) =>
      [idle, charged, running].map((request) => log.begin(again(request, { now })))
    expect(states(ONCE_RUN_MS - 1)).toMatchObject([
      { state: 'running' },
      { state: 'running' },
      { state: 'running' },
    ])
    // What still has a hold ends when that expires.
    expect(states(ONCE_RUN_MS)).toMatchObject([NEW, NOT_KEPT, { state: 'running' }])
  })

  it('cannot end the run that followed it', () => {
    const { log, finish, held, settled } = open()
    const dead = onceOf(ALICE)
    log.begin(dead)
    const next = again(dead, { now: ONCE_RUN_MS })
    expect(log.begin(next)).toEqual(NEW)
    held(next)
    held(dead)
    expect(finish(dead, storedAnswer('late'))).toBeUndefined()
    expect(settled(dead, 5, 'expired')).toBeUndefined()
    expect(log.begin(again(dead, { now: ONCE_RUN_MS }))).toEqual({
      state: 'running',
      job: next.job,
    })
  })
})

describe('kept answers', () => {
  it('are kept whole up to a size, in parts that every SQLite takes', () => {
    const test = open()
    const body = new Uint8Array(MAX_ONCE_BODY_BYTES).map((_, index) => index % 251)
    run(test, onceOf(ALICE), storedAnswer(body))
    expect(test.count('once_body')).toBe(4)
    const state = test.log.begin(onceOf(ALICE))
    expect(state.state === 'done' && Buffer.compare(state.answer.body, body)).toBe(0)
  })

  it('are remembered without their body above it', () => {
    const test = open()
    run(test, onceOf(ALICE), storedAnswer(new Uint8Array(MAX_ONCE_BODY_BYTES + 1)))
    expect(test.log.begin(onceOf(ALICE))).toMatchObject(NOT_KEPT)
    expect(test.count('once_body')).toBe(0)
  })

  it('may be empty', () => {
    const test = open()
    run(test, onceOf(ALICE), storedAnswer(''))
    expect(test.log.begin(onceOf(ALICE))).toEqual({ state: 'done', answer: storedAnswer('') })
  })

  it('expire after a day, asked for or not', () => {
    const test = open()
    const [asked, forgotten] = [onceOf(ALICE, { now: 5 }), onceOf(ALICE, { key: 'b', now: 6 })]
    expect(test.log.nextSweep()).toBeUndefined()
    run(test, asked, storedAnswer())
    run(test, forgotten, storedAnswer())
    const late = again(asked, { now: 4 + ONCE_KEPT_MS })
    expect(test.log.begin(late)).toMatchObject({ state: 'done' })
    expect(test.log.begin({ ...late, now: 5 + ONCE_KEPT_MS })).toEqual(NEW)
    expect(test.log.nextSweep()).toBe(6 + ONCE_KEPT_MS)
    test.log.sweep(5 + ONCE_KEPT_MS, 10)
    expect(test.count('once')).toBe(2)
    test.log.sweep(6 + ONCE_KEPT_MS, 10)
    expect(test.count('once')).toBe(1)
    expect(test.count('once_body')).toBe(0)
    expect(test.sql.exec('select size from once_size')).toEqual([{ size: 0 }])
  })

  it('are swept a few at a time', () => {
    const test = open()
    for (let i = 0; i < 5; i++) run(test, onceOf(ALICE, { key: `${i}` }), storedAnswer())
    test.log.sweep(ONCE_KEPT_MS, 3)
    expect(test.count('once')).toBe(2)
  })

  it('make room for new ones, the oldest of the same account first', () => {
    const test = open()
    const bob = newAccountId(2)
    run(test, onceOf(bob), storedAnswer())
    test.log.begin(onceOf(ALICE, { key: 'running' }))
    const body = new Uint8Array(1000)
    for (const key of ['a', 'b', 'c']) run(test, onceOf(ALICE, { key }), storedAnswer(body))
    // As if others had filled the rest.
    test.sql.run('update once_size set size = ? where account = ?', MAX_ONCE_BYTES, ALICE)
    run(test, onceOf(ALICE, { key: 'd' }), storedAnswer(body))
    const state = (key: string) => test.log.begin(onceOf(ALICE, { key })).state
    expect(['a', 'b', 'c', 'd', 'running'].map(state)).toEqual([
      'new',
      'done',
      'done',
      'done',
      'running',
    ])
    expect(test.log.begin(onceOf(bob))).toMatchObject({ state: 'done' })
    const sizes = test.sql.exec('select size from once_size where account = ?', ALICE)
    expect(sizes).toEqual([{ size: MAX_ONCE_BYTES }])
  })
})

it('a hold names the run that it belongs to, also when nobody knows it', () => {
  const { log, settled } = open()
  log.held(ALICE, 'nobody' as JobId)
  expect(settled(onceOf(ALICE), 1)).toBeUndefined()
})
