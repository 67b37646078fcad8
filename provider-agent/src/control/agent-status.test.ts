import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AgentEvent } from '../events.ts'
import { agentStatusSchema, statusOf, type AgentStatus } from './agent-status.ts'
import { AgentWatch } from './agent-watch.ts'

const DAY = 24 * 60 * 60 * 1000
const facts = {
  version: '1',
  pid: 1,
  service: undefined,
  role: 'provider',
  peer: 'p',
  edge: 'e',
  startedAt: 0,
}
const live = {
  jobsRunning: 0,
  load: undefined,
  receiptBatchesWaiting: 0,
  jobsMemory: undefined,
  rssBytes: 1,
}
const EVENTS: readonly AgentEvent[] = [
  { event: 'connected', edge: 'e', peer: 'p', session: 's' },
  {
    event: 'job_done',
    job: 'j',
    lease: 'l',
    model: 'm',
    prompt_tokens: 1,
    completion_tokens: 60,
    estimated: false,
    ttft_ms: 1,
    duration_ms: 2,
    earned_msat: 3,
  },
  { event: 'engine_trouble', message: 'odd' },
  { event: 'invoice_issued', payout: 'po', attempt: 1, amount_msat: '5' },
]

/** After so many events, `ms` apart, before each of which the clock is set by what `sets` says. */
function statusAfter(events: readonly AgentEvent[], ms: number, sets: readonly number[]) {
  const time = { now: 400 * DAY, monotonic: 7_000 }
  const watch = new AgentWatch(
    () => '',
    () => time.monotonic,
  )
  for (const [n, event] of events.entries()) {
    time.monotonic += ms
    time.now += ms + (sets[n] ?? 0)
    watch.take(event, time.now)
  }
  const clock = { now: () => time.now, monotonic: () => time.monotonic }
  return agentStatusSchema.parse(statusOf(watch.state, facts, live, clock))
}

/** What is told of time, as how long ago it was. */
const agesOf = ({ at, ...status }: AgentStatus) => ({
  start: at - status.started_at,
  connection: at - (status.connected_since ?? NaN),
  trouble: at - (status.troubles[0]?.at ?? NaN),
  invoice: at - (status.payouts.last_invoice?.at ?? NaN),
  lately: status.tokens_per_second.lately,
})

describe('the status of an agent whose clock is set', () => {
  it('tells how long ago all was as if the clock had always been right', () => {
    const sets = fc.array(fc.integer({ min: -DAY, max: DAY }), { maxLength: EVENTS.length })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40_000 }), sets, (ms, set) => {
        const steady = agesOf(statusAfter(EVENTS, ms, []))
        expect(agesOf(statusAfter(EVENTS, ms, set))).toEqual(steady)
        expect(steady).toMatchObject({ start: 4 * ms, connection: 3 * ms, trouble: ms, invoice: 0 })
      }),
    )
  })

  it('tells the time that the clock has now, and none before the epoch', () => {
    const sets = [0, 0, 0, -400 * DAY]
    const status = statusAfter(EVENTS, 1_000, sets)
    expect(status).toMatchObject({ at: 4_000, started_at: 0, connected_since: 1_000 })
    expect(statusAfter(EVENTS, 1_000, [-400 * DAY - 500, 0, 0, 0]).started_at).toBe(0)
  })
})
