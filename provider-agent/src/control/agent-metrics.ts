import { JOB_OUTCOMES, type AgentState, type ModelState } from './agent-state.ts'
import type { AgentFacts, LiveFacts } from './agent-status.ts'
import { exposition, histogramMetric, metric, type Metric, type Sample } from './prometheus.ts'

/** How late timers were of late, in seconds. */
export interface LoopLag {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export interface MetricFacts {
  readonly agent: AgentFacts
  readonly live: LiveFacts
  readonly lag: LoopLag
}

/** What `/metrics` answers: the same state as `status` shows. */
export const agentMetrics = (state: AgentState, facts: MetricFacts): string =>
  exposition([
    ...linkMetrics(state, facts.agent),
    ...jobMetrics(state, facts),
    ...moneyMetrics(state, facts.live),
    ...processMetrics(facts),
  ])

const counter = (name: string, help: string, values: Parameters<typeof metric>[3]): Metric =>
  metric('counter', `infernet_agent_${name}_total`, help, values)
const gauge = (name: string, help: string, values: Parameters<typeof metric>[3]): Metric =>
  metric('gauge', `infernet_agent_${name}`, help, values)

function linkMetrics(
  { engine, events, isResting, pausedBy, phase }: AgentState,
  agent: AgentFacts,
): Metric[] {
  const info = {
    version: agent.version,
    role: agent.role,
    engine: engine ?? 'none',
    peer: agent.peer,
  }
  return [
    gauge('info', 'What runs here; always 1.', [{ labels: info, value: 1 }]),
    gauge('start_time_seconds', 'When the agent started, since the epoch.', agent.startedAt / 1000),
    gauge('connected', '1 while the edge takes this agent for connected.', isConnected(phase)),
    gauge('paused', '1 while the owner lets no new jobs in.', Number(pausedBy !== undefined)),
    gauge('resting', '1 while the engine is ended to leave its memory.', Number(isResting)),
    counter('connects', 'Logins at the edge that succeeded.', events.connected ?? 0),
    counter('disconnects', 'Connections that were lost.', events.disconnected ?? 0),
    counter('events', 'What has happened, by its name in the log.', samplesOf(events, 'event')),
  ]
}

const isConnected = (phase: AgentState['phase']): number => Number(phase === 'connected')

function jobMetrics(state: AgentState, { live }: MetricFacts): Metric[] {
  const models = Object.values(state.models)
  return [
    gauge('slots', 'Jobs that may run at once.', live.load?.slots ?? 0),
    gauge('engine_waiting', 'Requests that wait in the engine.', live.load?.waiting ?? 0),
    gauge(
      'kv_cache_use_ratio',
      'Share of the engine’s key-value cache in use; no value where it does not say.',
      live.load?.kvUse ?? [],
    ),
    gauge('jobs_memory_bytes', 'Memory that jobs have reserved.', live.jobsMemory?.heldBytes ?? 0),
    gauge('jobs_memory_max_bytes', 'What they may reserve.', live.jobsMemory?.maxBytes ?? 0),
    gauge('jobs_running', 'Jobs that run now.', live.jobsRunning),
    gauge('models_offered', 'Models that can be asked for now.', models.filter(isOffered).length),
    counter(
      'jobs',
      'Jobs that ended, by how.',
      models.flatMap(({ id, jobs }) =>
        JOB_OUTCOMES.map((outcome) => ({ labels: { model: id, outcome }, value: jobs[outcome] })),
      ),
    ),
    counter('jobs_refused', 'Jobs that were not taken.', samplesOf(state.refusals, 'reason')),
    counter('tokens', 'Tokens on receipts.', models.flatMap(tokenSamples)),
    histogramMetric(
      'infernet_agent_ttft_seconds',
      'From the arrival of a job to its first token.',
      state.ttftMs,
      1000,
    ),
    histogramMetric(
      'infernet_agent_job_duration_seconds',
      'From the arrival of a job to its end.',
      state.durationMs,
      1000,
    ),
    histogramMetric(
      'infernet_agent_answer_tokens_per_second',
      'Generated tokens a second of single answers, after the first.',
      state.tokensPerSecond,
    ),
  ]
}

const isOffered = (model: ModelState): boolean => model.isOffered

const tokenSamples = ({ id, promptTokens, completionTokens }: ModelState): Sample[] => [
  { labels: { model: id, kind: 'prompt' }, value: promptTokens },
  { labels: { model: id, kind: 'completion' }, value: completionTokens },
]

function moneyMetrics(state: AgentState, live: LiveFacts): Metric[] {
  const { audits, events, models, receiptsDropped } = state
  const earned = Object.values(models).map(({ id, earnedMsat }) => ({
    labels: { model: id },
    value: earnedMsat,
  }))
  return [
    counter('earned_msat', 'What receipts claim, in msat.', earned),
    gauge(
      'receipt_batches_waiting',
      'Batches of receipts that the edge has not acknowledged.',
      live.receiptBatchesWaiting,
    ),
    counter('receipt_batches_dropped', 'Batches of receipts that were lost.', receiptsDropped),
    counter(
      'receipts_unknown',
      'Receipts of leases that the edge does not know.',
      events.receipt_unknown ?? 0,
    ),
    counter('invoices', 'Invoices that the edge asked for.', [
      { labels: { outcome: 'issued' }, value: events.invoice_issued ?? 0 },
      { labels: { outcome: 'refused' }, value: events.invoice_refused ?? 0 },
    ]),
    counter('audits', 'Answers that the edge wanted to see opened.', [
      { labels: { outcome: 'opened' }, value: audits.opened },
      { labels: { outcome: 'gone' }, value: audits.gone },
    ]),
  ]
}

function processMetrics({ lag, live }: MetricFacts): Metric[] {
  return [
    gauge('resident_memory_bytes', 'Memory of the agent’s process.', live.rssBytes),
    gauge('event_loop_lag_seconds', 'How late timers were since the last look.', [
      { labels: { stat: 'p50' }, value: lag.p50 },
      { labels: { stat: 'p99' }, value: lag.p99 },
      { labels: { stat: 'max' }, value: lag.max },
    ]),
  ]
}

const samplesOf = (counts: Readonly<Record<string, number | undefined>>, label: string): Sample[] =>
  Object.entries(counts).map(([name, value]) => ({ labels: { [label]: name }, value: value ?? 0 }))
