import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AgentEvent, JobFacts } from '../events.ts'
import {
  after,
  OTHER_MODELS,
  startedState,
  tokensPerSecondLately,
  totals,
  type AgentState,
} from './agent-state.ts'
import { modelsOf } from './agent-status.ts'
import { LATELY_SECONDS, MAX_MODELS_TOLD_APART, MAX_TROUBLES } from './control-limits.ts'
import { countOf } from './histogram.ts'

const START = 1_800_000_000_000
const LONG = 'x'.repeat(10_000)

const facts = (changes: Partial<JobFacts> = {}): JobFacts => ({
  job: 'job_1',
  lease: 'job_1.1',
  model: 'm',
  prompt_tokens: 10,
  completion_tokens: 21,
  estimated: false,
  ttft_ms: 100,
  duration_ms: 1_100,
  earned_msat: 7,
  ...changes,
})
const done = (changes: Partial<JobFacts> = {}): AgentEvent => ({
  event: 'job_done',
  ...facts(changes),
})
const failed = (fault: 'request' | 'provider', message: string): AgentEvent => ({
  event: 'job_failed',
  fault,
  code: 'c',
  message,
  ...facts(),
})
const models = (...ids: string[]): AgentEvent => ({
  event: 'models',
  engine: 'tiny',
  models: ids,
  offers: [],
  data_collection: 'deny',
})
const connected: AgentEvent = { event: 'connected', edge: 'ws://e', peer: 'p', session: 's' }
const disconnected: AgentEvent = {
  event: 'disconnected',
  reason: 'gone',
  next_step: 'wait',
  retry_ms: 1,
}

const fold = (events: readonly AgentEvent[], at = START): AgentState =>
  events.reduce((state, event, n) => after(state, event, at + n), startedState(at))

const jobEvents: fc.Arbitrary<AgentEvent> = fc
  .record({
    name: fc.constantFrom('job_done' as const, 'job_cancelled' as const, 'job_lost' as const),
    model: fc.constantFrom('a', 'b', '__proto__', 'constructor'),
    prompt_tokens: fc.nat(1_000),
    completion_tokens: fc.nat(1_000),
    ttft_ms: fc.option(fc.nat(100_000), { nil: undefined }),
    duration_ms: fc.nat(1_000_000),
    earned_msat: fc.nat(),
  })
  .map(({ name, ...changes }) => ({ event: name, ...facts(changes) }))

describe('the state of an agent', () => {
  it('adds up whatever ends, model by model', () => {
    fc.assert(
      fc.property(fc.array(jobEvents), (events) => {
        const { completionTokens, earnedMsat, jobs, promptTokens } = totals(fold(events))
        const sum = (of: keyof JobFacts) =>
          events.reduce((n, event) => n + Number((event as unknown as JobFacts)[of]), 0)
        expect({ completionTokens, promptTokens, earned: Number(earnedMsat) }).toEqual({
          completionTokens: sum('completion_tokens'),
          promptTokens: sum('prompt_tokens'),
          earned: sum('earned_msat'),
        })
        expect(jobs.done + jobs.cancelled + jobs.lost).toBe(events.length)
        expect(countOf(fold(events).durationMs)).toBe(events.length)
        const told = modelsOf(fold(events)).reduce((n, { jobs: of }) => n + of.done, 0)
        expect(told).toBe(jobs.done)
      }),
    )
  })

  it('does not change what it was made from', () => {
    const frozen = deepFreeze(fold([models('m'), done(), disconnected]))
    const all = [models('n'), done(), failed('provider', 'x'), connected, disconnected]
    for (const event of all) expect(() => after(frozen, event, START)).not.toThrow()
  })

  it.each([
    [[], 'starting'],
    [[{ event: 'connecting', edge: 'e', attempt: 1 }], 'connecting'],
    [[connected], 'connected'],
    [[connected, disconnected], 'waiting'],
    [[connected, { event: 'draining', running: 1, grace_ms: 1 }], 'draining'],
    // The login was under way.
    [[{ event: 'draining', running: 0, grace_ms: 1 }, connected], 'draining'],
    [[connected, { event: 'stopped', jobs: 0, earned_msat: 0 }], 'stopped'],
    [
      [
        { event: 'gave_up', reason: 'r', next_step: 'n' },
        { event: 'stopped', jobs: 0, earned_msat: 0 },
      ],
      'refused',
    ],
  ] satisfies [AgentEvent[], string][])('after %j it is %s', (events, phase) => {
    expect(fold(events).phase).toBe(phase)
  })

  it('is as small after 100,000 events as after some', () => {
    const sizes = [2_000, 100_000].map((n) => {
      let state = startedState(START)
      for (let i = 0; i < n; i++) {
        state = after(state, eventOf(i), START + i * 20)
      }
      return JSON.stringify(state, (_key, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      ).length
    })
    expect(sizes[1]).toBeLessThan(sizes[0]! * 1.2)
    expect(sizes[1]).toBeLessThan(50_000)
  })

  const eventOf = (i: number): AgentEvent =>
    [
      done({ model: `m${i % 30}` }),
      failed('provider', `trouble ${i} ${LONG}`),
      connected,
      disconnected,
      { event: 'job_busy', reason: 'slots', model: `m${i}` } as const,
    ][i % 5]!

  it('is paused as long as the owner lets no jobs in, and connected all the same', () => {
    const paused: AgentEvent = { event: 'paused', why: 'hours', message: 'not now' }
    expect(fold([connected, paused])).toMatchObject({ phase: 'connected', pausedBy: 'not now' })
    expect(fold([connected, paused, { event: 'resumed' }]).pausedBy).toBeUndefined()
  })

  it('rests with its engine, which offers nothing then, until that is started again', () => {
    const resting: AgentEvent = { event: 'resting', engine: 'tiny' }
    const waking: AgentEvent = { event: 'waking', engine: 'tiny' }
    const rests = fold([connected, models('m'), done(), resting])
    expect(rests).toMatchObject({ phase: 'connected', isResting: true, engine: 'tiny' })
    expect(modelsOf(rests)).toMatchObject([{ id: 'm', offered: false }])
    const woken = fold([connected, models('m'), resting, waking, models('m')])
    expect(woken).toMatchObject({ isResting: false, models: { m: { isOffered: true } } })
  })

  it('counts models beyond its room under one name', () => {
    const many = Array.from({ length: MAX_MODELS_TOLD_APART + 5 }, (_, n) => `m${n}`)
    const state = fold([models(...many), ...many.map((model) => done({ model }))])
    expect(Object.keys(state.models)).toHaveLength(MAX_MODELS_TOLD_APART + 1)
    expect(state.models[OTHER_MODELS]?.jobs.done).toBe(5)
    expect(totals(state).jobs.done).toBe(many.length)
  })

  it('remembers a model that is gone if it has done something', () => {
    const state = fold([models('a', 'b'), done({ model: 'a' }), models('c')])
    const shown = modelsOf(state).map(({ id, offered }) => [id, offered])
    expect(shown).toEqual([
      ['c', true],
      ['a', false],
    ])
  })

  it('tells the last troubles, the same ones once, and none of clients', () => {
    const said = [disconnected, failed('provider', 'x'), disconnected, failed('request', 'y')]
    const { troubles } = fold([...said, done()])
    expect(troubles).toMatchObject([
      { event: 'disconnected', message: 'gone', nextStep: 'wait', times: 2, at: START + 2 },
      { event: 'job_failed', times: 1 },
    ])
    const many = Array.from({ length: 30 }, (_, n) => failed('provider', `${n}`))
    expect(fold(many).troubles).toHaveLength(MAX_TROUBLES)
  })

  it('measures answers after their first token, and all of the last minute together', () => {
    const at = START + 3_600_000
    const state = [0, 10, 20].reduce(
      (before, s) => after(before, done(), at + s * 1000),
      startedState(START),
    )
    expect(state.tokensPerSecond.sum / 3).toBeCloseTo(20)
    expect(tokensPerSecondLately(state, at + 20_000)).toBeCloseTo((3 * 21) / LATELY_SECONDS)
    expect(tokensPerSecondLately(state, at + 65_000)).toBeCloseTo((2 * 21) / LATELY_SECONDS)
    expect(tokensPerSecondLately(state, at + 200_000)).toBe(0)
  })
})

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}
