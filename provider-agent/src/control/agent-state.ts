import type { AgentEvent, EventName, JobFacts } from '../events.ts'
import { LATELY_SECONDS, MAX_MODELS_TOLD_APART } from './control-limits.ts'
import { emptyHistogram, observed, type Histogram } from './histogram.ts'
import { noTroubles, troubleOf, withTrouble, type Trouble } from './troubles.ts'

/** `waiting`: the connection is gone, and will be tried again. `refused`: the edge never takes this agent. */
export const AGENT_PHASES = [
  'starting',
  'connecting',
  'connected',
  'waiting',
  'draining',
  'stopped',
  'refused',
] as const
export type AgentPhase = (typeof AGENT_PHASES)[number]

export const JOB_OUTCOMES = ['done', 'failed', 'cancelled', 'lost'] as const
export type JobOutcomeName = (typeof JOB_OUTCOMES)[number]
export type JobCounts = Readonly<Record<JobOutcomeName, number>>

/** What one model has done since the agent started. */
export interface ModelState {
  readonly id: string
  /** It can be asked for now. */
  readonly isOffered: boolean
  readonly jobs: JobCounts
  readonly promptTokens: number
  readonly completionTokens: number
  readonly earnedMsat: bigint
}

/** Where the earnings go, as the owner has said it. */
export interface PayoutState {
  readonly to: string | undefined
  readonly when: string | undefined
  /** The owner's own node. */
  readonly node: string | undefined
  readonly lastInvoice:
    | { readonly payout: string; readonly msat: bigint; readonly at: number }
    | undefined
}

/** All that a running agent knows of itself by its events. Times of the monotonic clock, in ms. */
export interface AgentState {
  readonly startedAt: number
  readonly phase: AgentPhase
  readonly edge: string | undefined
  readonly connectedSince: number | undefined
  /** Why the owner lets no new jobs in, in words. */
  readonly pausedBy: string | undefined
  readonly engine: string | undefined
  /** It has ended, so that its memory is free while jobs are kept out. */
  readonly isResting: boolean
  /** What it runs in; undefined where it is not confined. */
  readonly sandbox: string | undefined
  /** By id, bounded. */
  readonly models: Readonly<Record<string, ModelState>>
  readonly refusals: Readonly<Record<string, number>>
  /** From the job's arrival to its first token. */
  readonly ttftMs: Histogram
  readonly durationMs: Histogram
  /** Of each answer, the wait for its first token not counted. */
  readonly tokensPerSecond: Histogram
  /** Generated tokens of the answers that ended in the last {@link LATELY_SECONDS}, by the second. */
  readonly lately: readonly { readonly second: number; readonly tokens: number }[]
  readonly receiptsDropped: number
  readonly audits: { readonly opened: number; readonly gone: number }
  readonly payouts: PayoutState
  /** The latest first. */
  readonly troubles: readonly Trouble[]
  readonly events: Readonly<Partial<Record<EventName, number>>>
}

const MS_BOUNDS = [10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000]
const RATE_BOUNDS = [
  1, 2.5, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1_000, 2_500, 5_000, 10_000,
]
/** What models beyond {@link MAX_MODELS_TOLD_APART} are counted under. */
export const OTHER_MODELS = '(others)'
const NO_JOBS: JobCounts = { done: 0, failed: 0, cancelled: 0, lost: 0 }

/** An agent that has just started, at `at`. */
export const startedState = (at: number): AgentState => ({
  startedAt: at,
  phase: 'starting',
  edge: undefined,
  connectedSince: undefined,
  pausedBy: undefined,
  engine: undefined,
  isResting: false,
  sandbox: undefined,
  models: {},
  refusals: {},
  ttftMs: emptyHistogram(MS_BOUNDS),
  durationMs: emptyHistogram(MS_BOUNDS),
  tokensPerSecond: emptyHistogram(RATE_BOUNDS),
  lately: [],
  receiptsDropped: 0,
  audits: { opened: 0, gone: 0 },
  payouts: {
    to: undefined,
    when: undefined,
    node: undefined,
    lastInvoice: undefined,
  },
  troubles: noTroubles,
  events: {},
})

/** The state after an event that happened at `at`. */
export function after(state: AgentState, event: AgentEvent, at: number): AgentState {
  const { events } = state
  const counted = { ...events, [event.event]: (events[event.event] ?? 0) + 1 }
  const troubles = withTrouble(state.troubles, troubleOf(event), at)
  return { ...state, ...changeOf(state, event, at), events: counted, troubles }
}

type Change = Partial<AgentState>

function changeOf(state: AgentState, event: AgentEvent, at: number): Change {
  switch (event.event) {
    case 'models':
      return { engine: event.engine, models: offered(state.models, event.models) }
    case 'resting':
      return { isResting: true, models: offered(state.models, []) }
    case 'waking':
      return { isResting: false }
    case 'job_done':
      return jobEnded(state, event, 'done', at)
    case 'job_failed':
      return jobEnded(state, event, 'failed', at)
    case 'job_cancelled':
      return jobEnded(state, event, 'cancelled', at)
    case 'job_lost':
      return jobEnded(state, event, 'lost', at)
    case 'job_busy': {
      const { refusals } = state
      return { refusals: { ...refusals, [event.reason]: (refusals[event.reason] ?? 0) + 1 } }
    }
    case 'receipts_dropped':
      return { receiptsDropped: state.receiptsDropped + event.batches }
    case 'transcript_opened': {
      const { opened, gone } = state.audits
      return { audits: event.found ? { opened: opened + 1, gone } : { opened, gone: gone + 1 } }
    }
    default:
      return phaseChange(state, event, at) ?? payoutChange(state.payouts, event, at)
  }
}

function phaseChange(state: AgentState, event: AgentEvent, at: number): Change | undefined {
  const isLeaving = state.phase === 'draining'
  switch (event.event) {
    case 'engine_starting':
      return { engine: event.engine }
    case 'engine_sandbox':
      return { sandbox: event.driver === 'none' ? undefined : event.driver }
    case 'connecting':
      return { phase: 'connecting', edge: event.edge }
    case 'connected':
      return { ...(isLeaving ? {} : { phase: 'connected' }), edge: event.edge, connectedSince: at }
    case 'disconnected':
      return { phase: 'waiting', connectedSince: undefined }
    case 'draining':
      return { phase: 'draining' }
    case 'paused':
      return { pausedBy: event.message }
    case 'resumed':
      return { pausedBy: undefined }
    case 'gave_up':
      return { phase: 'refused', connectedSince: undefined }
    case 'stopped':
      return {
        ...(state.phase === 'refused' ? {} : { phase: 'stopped' }),
        connectedSince: undefined,
      }
    default:
      return undefined
  }
}

function payoutChange(payouts: PayoutState, event: AgentEvent, at: number): Change {
  switch (event.event) {
    case 'payout':
      return { payouts: { ...payouts, to: event.to, when: event.when } }
    case 'payout_node':
      return { payouts: { ...payouts, node: event.alias || event.pubkey } }
    case 'invoice_issued': {
      const lastInvoice = { payout: event.payout, msat: BigInt(event.amount_msat), at }
      return { payouts: { ...payouts, lastInvoice } }
    }
    default:
      return {}
  }
}

type Models = AgentState['models']

/** Those offered now, and those that were and have done something. */
function offered(models: Models, ids: readonly string[]): Models {
  const now = new Set(ids.slice(0, MAX_MODELS_TOLD_APART))
  const before = Object.values(models)
    .filter(({ id, jobs }) => now.has(id) || total(jobs) > 0)
    .map((model) => [model.id, { ...model, isOffered: now.has(model.id) }] as const)
  const room = Math.max(0, MAX_MODELS_TOLD_APART - before.length)
  const fresh = [...now].filter((id) => !Object.hasOwn(models, id)).slice(0, room)
  const added = fresh.map((id) => [id, { ...newModel(id), isOffered: true }] as const)
  return Object.fromEntries([...before, ...added])
}

const newModel = (id: string): ModelState => ({
  id,
  isOffered: false,
  jobs: NO_JOBS,
  promptTokens: 0,
  completionTokens: 0,
  earnedMsat: 0n,
})

const total = (jobs: JobCounts): number => jobs.done + jobs.failed + jobs.cancelled + jobs.lost

function jobEnded(state: AgentState, job: JobFacts, outcome: JobOutcomeName, at: number): Change {
  const { prompt_tokens: prompt, completion_tokens: completion, ttft_ms: ttft } = job
  const rate = tokensPerSecond(job)
  return {
    models: withJob(state.models, job, outcome),
    ...(ttft === undefined ? {} : { ttftMs: observed(state.ttftMs, ttft) }),
    durationMs: observed(state.durationMs, job.duration_ms),
    ...(rate === undefined ? {} : { tokensPerSecond: observed(state.tokensPerSecond, rate) }),
    lately: prompt + completion === 0 ? state.lately : withTokens(state.lately, completion, at),
  }
}

function withJob(models: Models, job: JobFacts, outcome: JobOutcomeName): Models {
  const isKnown = Object.hasOwn(models, job.model)
  const hasRoom = isKnown || Object.keys(models).length < MAX_MODELS_TOLD_APART
  const id = hasRoom ? job.model : OTHER_MODELS
  const model = (Object.hasOwn(models, id) ? models[id] : undefined) ?? newModel(id)
  return {
    ...models,
    [id]: {
      ...model,
      jobs: { ...model.jobs, [outcome]: model.jobs[outcome] + 1 },
      promptTokens: model.promptTokens + job.prompt_tokens,
      completionTokens: model.completionTokens + job.completion_tokens,
      earnedMsat: model.earnedMsat + BigInt(job.earned_msat),
    },
  }
}

/** Undefined where too few tokens came to measure by. */
function tokensPerSecond({ completion_tokens: n, ttft_ms: ttft, duration_ms: ms }: JobFacts) {
  const [tokens, took] = ttft === undefined ? [n, ms] : [n - 1, ms - ttft]
  return tokens < 1 || took <= 0 ? undefined : (tokens / took) * 1000
}

function withTokens(lately: AgentState['lately'], tokens: number, at: number) {
  const second = Math.floor(at / 1000)
  const last = lately.at(-1)
  if (last?.second === second) {
    return [...lately.slice(0, -1), { second, tokens: last.tokens + tokens }]
  }
  return [...lately.filter(isRecent(second)), { second, tokens }]
}

const isRecent = (now: number) => (entry: { readonly second: number }) =>
  entry.second > now - LATELY_SECONDS

/** Generated tokens a second over the last minute, or since the start if that is shorter. */
export function tokensPerSecondLately({ lately, startedAt }: AgentState, at: number): number {
  const tokens = lately
    .filter(isRecent(Math.floor(at / 1000)))
    .reduce((sum, entry) => sum + entry.tokens, 0)
  return tokens / Math.min(LATELY_SECONDS, Math.max(1, (at - startedAt) / 1000))
}

/** What all models have done together. */
export function totals(state: AgentState) {
  const models = Object.values(state.models)
  const sum = (of: (model: ModelState) => number) => models.reduce((n, one) => n + of(one), 0)
  return {
    jobs: {
      done: sum(({ jobs }) => jobs.done),
      failed: sum(({ jobs }) => jobs.failed),
      cancelled: sum(({ jobs }) => jobs.cancelled),
      lost: sum(({ jobs }) => jobs.lost),
    } satisfies JobCounts,
    promptTokens: sum((model) => model.promptTokens),
    completionTokens: sum((model) => model.completionTokens),
    earnedMsat: models.reduce((msat, { earnedMsat }) => msat + earnedMsat, 0n),
  }
}
