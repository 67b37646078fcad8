import { describe, expect, it } from 'vitest'
import type { AgentEvent } from '../events.ts'
import { readMetrics, valueOf } from '../testing/read-metrics.ts'
import { agentMetrics } from './agent-metrics.ts'
import { after, startedState } from './agent-state.ts'

const ODD = 'a "b"\\c\nd'
const job = (model: string, ttft: number | undefined): AgentEvent => ({
  event: 'job_done',
  job: 'j',
  lease: 'l',
  model,
  prompt_tokens: 3,
  completion_tokens: 11,
  estimated: false,
  ttft_ms: ttft,
  duration_ms: 2_000,
  earned_msat: 5,
})
const EVENTS: readonly AgentEvent[] = [
  { event: 'models', engine: 'tiny', models: ['m'], offers: [], data_collection: 'deny' },
  { event: 'connected', edge: 'e', peer: 'p', session: 's' },
  job('m', 40),
  job('m', 700_000),
  job(ODD, undefined),
  { event: 'job_busy', reason: 'slots', model: 'm' },
  { event: 'transcript_opened', lease: 'l', found: false },
]
const state = EVENTS.reduce((before, event) => after(before, event, 5_000), startedState(9))
const agent = {
  version: '0.1.0',
  pid: 1,
  service: undefined,
  role: 'provider',
  peer: '12D3',
  edge: 'e',
  startedAt: 1_500,
}
const facts: Parameters<typeof agentMetrics>[1] = {
  agent,
  live: {
    jobsRunning: 2,
    load: { slots: 4, findsSlots: true, waiting: 3, kvUse: 0.25 },
    receiptBatchesWaiting: 1,
    jobsMemory: { heldBytes: 5, maxBytes: 9 },
    rssBytes: 99,
  },
  lag: { p50: 0.001, p99: 1e-9, max: 0.5 },
}
const text = agentMetrics(state, facts)

describe('the metrics of an agent', () => {
  const metrics = readMetrics(text)
  const value = (name: string, labels: Record<string, string> = {}) =>
    valueOf(metrics, `infernet_agent_${name}`, labels)

  it('say what the state says', () => {
    expect(value('connected')).toBe(1)
    expect(value('resting')).toBe(0)
    expect(value('start_time_seconds')).toBe(1.5)
    expect(value('jobs_running')).toBe(2)
    expect(value('jobs_memory_bytes')).toBe(5)
    expect(value('jobs_memory_max_bytes')).toBe(9)
    expect(value('slots')).toBe(4)
    expect(value('engine_waiting')).toBe(3)
    expect(value('kv_cache_use_ratio')).toBe(0.25)
    expect(value('jobs_total', { model: 'm', outcome: 'done' })).toBe(2)
    expect(value('jobs_total', { model: 'm', outcome: 'lost' })).toBe(0)
    expect(value('jobs_refused_total', { reason: 'slots' })).toBe(1)
    expect(value('tokens_total', { model: ODD, kind: 'completion' })).toBe(11)
    expect(value('earned_msat_total', { model: 'm' })).toBe(10)
    expect(value('audits_total', { outcome: 'gone' })).toBe(1)
    expect(value('event_loop_lag_seconds', { stat: 'p99' })).toBe(1e-9)
  })

  it('say whether the engine rests', () => {
    const resting = after(state, { event: 'resting', engine: 'tiny' }, 6_000)
    const shown = readMetrics(agentMetrics(resting, facts))
    expect(valueOf(shown, 'infernet_agent_resting', {})).toBe(1)
    expect(valueOf(shown, 'infernet_agent_models_offered', {})).toBe(0)
  })

  it('have histograms whose buckets rise to their count', () => {
    expect(value('ttft_seconds_count')).toBe(2)
    expect(value('ttft_seconds_sum')).toBeCloseTo(700.04)
    expect(value('ttft_seconds_bucket', { le: '0.05' })).toBe(1)
    expect(value('ttft_seconds_bucket', { le: '0.025' })).toBe(0)
    for (const { type, samples } of metrics.values()) {
      if (type !== 'histogram') continue
      const buckets = samples.filter(({ name }) => name.endsWith('_bucket'))
      const bounds = buckets.map(({ labels }) => Number(labels['le']?.replace('+Inf', 'Infinity')))
      expect(bounds).toEqual(bounds.toSorted((a, b) => a - b))
      expect(bounds.at(-1)).toBe(Number.POSITIVE_INFINITY)
      const counts = buckets.map((bucket) => bucket.value)
      expect(counts).toEqual(counts.toSorted((a, b) => a - b))
      expect(samples.find(({ name }) => name.endsWith('_count'))?.value).toBe(counts.at(-1))
    }
  })

  it('are named as Prometheus wants it, and explained', () => {
    for (const [name, { help, type }] of metrics) {
      expect(name).toMatch(/^infernet_agent_[a-z_]+$/)
      expect(name.endsWith('_total')).toBe(type === 'counter')
      expect(help).toMatch(/^[A-Z0-9].*\.$/)
    }
  })
})
