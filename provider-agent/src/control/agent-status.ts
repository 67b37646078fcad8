import { z } from 'zod'
import type { Clock } from '../clock.ts'
import type { AgentLoad } from '../load/load-desk.ts'
import {
  AGENT_PHASES,
  tokensPerSecondLately,
  totals,
  type AgentState,
  type ModelState,
} from './agent-state.ts'
import { quantileOf, type Histogram } from './histogram.ts'

const count = z.int().nonnegative()
/** ms since the epoch. */
const time = count
/** A decimal string of msat. */
const amount = z.string().regex(/^\d+$/)
const jobs = { done: count, failed: count, cancelled: count, lost: count }
const percentiles = z.object({ p50: z.number(), p90: z.number(), p99: z.number() }).nullable()

const modelStatusSchema = z.object({
  id: z.string(),
  offered: z.boolean(),
  jobs: z.object(jobs),
  tokens: z.object({ prompt: count, completion: count }),
  earned_msat: amount,
})
export type ModelStatus = z.infer<typeof modelStatusSchema>

export const modelListSchema = z.object({
  object: z.literal('list'),
  data: z.array(modelStatusSchema),
})

/**
 * What a running agent answers who asks how it is. All since its start; times in ms since the epoch, each so long before
 * `at` as it is ago: a clock that was set meanwhile counts as if it had always been right.
 */
export const agentStatusSchema = z.object({
  object: z.literal('agent_status'),
  at: time,
  version: z.string(),
  pid: count,
  /** The systemd unit that it runs under. */
  service: z.string().nullable(),
  role: z.string(),
  peer: z.string(),
  state: z.enum(AGENT_PHASES),
  started_at: time,
  edge: z.string(),
  connected_since: time.nullable(),
  /** Why the owner lets no new jobs in. */
  paused: z.string().nullable(),
  disconnects: count,
  engine: z.string().nullable(),
  /** The engine has ended, so that its memory is free while `paused`. */
  resting: z.boolean().default(false),
  /** What the engine runs in; null where it is not confined. */
  sandbox: z.string().nullable(),
  slots: count,
  load: z.object({
    /** Who says how many slots there are. */
    slots_by: z.enum(['owner', 'agent']),
    /** Requests that wait in the engine. */
    waiting: count,
    /** Share of the engine's key-value cache in use, 0 to 1; null where it does not say. */
    kv_use: z.number().nullable(),
  }),
  jobs: z.object({ running: count, ...jobs, refused: z.record(z.string(), count) }),
  tokens: z.object({ prompt: count, completion: count }),
  earned_msat: amount,
  /** Tokens a second of single answers, and of all answers that ended in the last minute. */
  tokens_per_second: z.object({ answers: percentiles, lately: z.number() }),
  ttft_ms: percentiles,
  receipts: z.object({ batches_waiting: count, batches_dropped: count, unknown: count }),
  payouts: z.object({
    to: z.string().nullable(),
    when: z.string().nullable(),
    node: z.string().nullable(),
    invoices_issued: count,
    invoices_refused: count,
    last_invoice: z.object({ payout: z.string(), amount_msat: amount, at: time }).nullable(),
  }),
  audits: z.object({ opened: count, gone: count }),
  verifier: z.object({ scored: count, rendered: count, failed: count }),
  troubles: z.array(
    z.object({
      at: time,
      event: z.string(),
      message: z.string(),
      next_step: z.string(),
      times: count,
    }),
  ),
  models: z.array(modelStatusSchema),
  rss_bytes: count,
})
export type AgentStatus = z.infer<typeof agentStatusSchema>

/** What does not change while the agent runs. */
export interface AgentFacts {
  readonly version: string
  readonly pid: number
  readonly service: string | undefined
  readonly role: string
  readonly peer: string
  /** As it was given. */
  readonly edge: string
  /** ms since the epoch, as the clock was then. */
  readonly startedAt: number
}

export interface JobsMemory {
  readonly heldBytes: number
  readonly maxBytes: number
}

/** What no event tells, as it is now. */
export interface LiveFacts {
  readonly jobsRunning: number
  /** Undefined before the agent runs. */
  readonly load: AgentLoad | undefined
  readonly receiptBatchesWaiting: number
  /** What the jobs hold and may hold; undefined before the agent runs. */
  readonly jobsMemory: JobsMemory | undefined
  readonly rssBytes: number
}

/** The status of an agent now. */
export function statusOf(
  state: AgentState,
  facts: AgentFacts,
  live: LiveFacts,
  clock: Clock,
): AgentStatus {
  const at = clock.now()
  const elapsed = clock.monotonic()
  const timeOf = (moment: number): number => Math.max(0, at - (elapsed - moment))
  const { events } = state
  const { jobs: ended, promptTokens, completionTokens, earnedMsat } = totals(state)
  return {
    object: 'agent_status',
    at,
    version: facts.version,
    pid: facts.pid,
    service: facts.service ?? null,
    role: facts.role,
    peer: facts.peer,
    state: state.phase,
    started_at: timeOf(state.startedAt),
    edge: state.edge ?? facts.edge,
    connected_since: state.connectedSince === undefined ? null : timeOf(state.connectedSince),
    paused: state.pausedBy ?? null,
    disconnects: events.disconnected ?? 0,
    engine: state.engine ?? null,
    resting: state.isResting,
    sandbox: state.sandbox ?? null,
    slots: live.load?.slots ?? 0,
    load: {
      slots_by: live.load?.findsSlots === true ? 'agent' : 'owner',
      waiting: live.load?.waiting ?? 0,
      kv_use: live.load?.kvUse ?? null,
    },
    jobs: { running: live.jobsRunning, ...ended, refused: { ...state.refusals } },
    tokens: { prompt: promptTokens, completion: completionTokens },
    earned_msat: String(earnedMsat),
    tokens_per_second: {
      answers: percentilesOf(state.tokensPerSecond),
      lately: tenths(tokensPerSecondLately(state, elapsed)),
    },
    ttft_ms: percentilesOf(state.ttftMs),
    receipts: {
      batches_waiting: live.receiptBatchesWaiting,
      batches_dropped: state.receiptsDropped,
      unknown: events.receipt_unknown ?? 0,
    },
    payouts: payoutsOf(state, timeOf),
    audits: state.audits,
    verifier: {
      scored: events.scored ?? 0,
      rendered: events.rendered ?? 0,
      failed: (events.score_failed ?? 0) + (events.render_failed ?? 0),
    },
    troubles: state.troubles.map(({ nextStep, ...trouble }) => ({
      ...trouble,
      at: timeOf(trouble.at),
      next_step: nextStep,
    })),
    models: modelsOf(state),
    rss_bytes: live.rssBytes,
  }
}

/** Those offered first, then by how much they have done. */
export const modelsOf = (state: AgentState): ModelStatus[] =>
  Object.values(state.models)
    .toSorted(
      (a, b) =>
        Number(b.isOffered) - Number(a.isOffered) ||
        b.jobs.done - a.jobs.done ||
        (a.id < b.id ? -1 : 1),
    )
    .map(modelStatus)

const modelStatus = (model: ModelState): ModelStatus => ({
  id: model.id,
  offered: model.isOffered,
  jobs: model.jobs,
  tokens: { prompt: model.promptTokens, completion: model.completionTokens },
  earned_msat: String(model.earnedMsat),
})

function payoutsOf(
  { events, payouts }: AgentState,
  timeOf: (moment: number) => number,
): AgentStatus['payouts'] {
  const { to, when, node, lastInvoice } = payouts
  return {
    to: to ?? null,
    when: when ?? null,
    node: node ?? null,
    invoices_issued: events.invoice_issued ?? 0,
    invoices_refused: events.invoice_refused ?? 0,
    last_invoice:
      lastInvoice === undefined
        ? null
        : {
            payout: lastInvoice.payout,
            amount_msat: String(lastInvoice.msat),
            at: timeOf(lastInvoice.at),
          },
  }
}

function percentilesOf(histogram: Histogram): z.infer<typeof percentiles> {
  const [p50, p90, p99] = [0.5, 0.9, 0.99].map((share) => quantileOf(histogram, share))
  if (p50 === undefined || p90 === undefined || p99 === undefined) return null
  return { p50: tenths(p50), p90: tenths(p90), p99: tenths(p99) }
}

const tenths = (value: number): number => Math.round(value * 10) / 10
