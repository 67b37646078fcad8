import type { ClosedBy } from './hardware/availability.ts'
import type { BusyReason } from './jobs/jobs.ts'
import { plainTexts } from './plain-text.ts'

/** Everything worth telling, once: what the log shows and what the counters count. */
export type AgentEvent =
  /** Options that come from a file, by their long names. */
  | { readonly event: 'settings'; readonly path: string; readonly options: readonly string[] }
  | { readonly event: 'key_created'; readonly peer: string; readonly path: string }
  | { readonly event: 'key_exposed'; readonly path: string }
  | { readonly event: 'edge_unencrypted'; readonly edge: string }
  | { readonly event: 'engine_starting'; readonly engine: string }
  | {
      readonly event: 'models'
      readonly engine: string
      readonly models: readonly string[]
      readonly offers: readonly OfferFacts[]
      readonly data_collection: 'allow' | 'deny'
    }
  | { readonly event: 'engine_trouble'; readonly message: string }
  | EngineProcessEvent
  /** Where the earnings go and when, in words. */
  | { readonly event: 'payout'; readonly to: string; readonly when: string }
  /** The owner has not said where: they wait at the edge. */
  | { readonly event: 'payout_unset' }
  /** The owner's own node, which the earnings go to. */
  | {
      readonly event: 'payout_node'
      readonly pubkey: string
      readonly alias: string
      readonly network: string
      readonly simulated: boolean
    }
  | { readonly event: 'payout_trouble'; readonly message: string }
  | {
      readonly event: 'invoice_issued'
      readonly payout: string
      readonly attempt: number
      readonly amount_msat: string
    }
  | {
      readonly event: 'invoice_refused'
      readonly payout: string
      readonly attempt: number
      readonly message: string
    }
  | { readonly event: 'connecting'; readonly edge: string; readonly attempt: number }
  | {
      readonly event: 'connected'
      readonly edge: string
      readonly peer: string
      readonly session: string
    }
  | {
      readonly event: 'disconnected'
      readonly reason: string
      readonly next_step: string
      readonly retry_ms: number
      readonly code?: number
    }
  | { readonly event: 'gave_up'; readonly reason: string; readonly next_step: string }
  | ({ readonly event: 'job_done' } & JobFacts)
  | ({ readonly event: 'job_cancelled' } & JobFacts)
  | ({ readonly event: 'job_lost' } & JobFacts)
  | ({
      readonly event: 'job_failed'
      readonly fault: 'request' | 'provider'
      readonly code: string
      readonly message: string
    } & JobFacts)
  /** The owner lets no new jobs in, for this reason; and lets them in again. */
  | { readonly event: 'paused'; readonly why: ClosedBy; readonly message: string }
  | { readonly event: 'resumed' }
  /** The engine's processes have ended for it, so that their memory is free; and are started again. */
  | { readonly event: 'resting' | 'waking'; readonly engine: string }
  /** A driver does not say how its GPUs are. */
  | { readonly event: 'hardware_trouble'; readonly message: string }
  | { readonly event: 'job_busy'; readonly reason: BusyReason; readonly model: string }
  | { readonly event: 'receipt_unknown'; readonly lease: string }
  /** The disk takes none: they are kept in memory until the edge has them, or the disk. */
  | { readonly event: 'receipts_unstored'; readonly reason: string }
  | { readonly event: 'receipts_dropped'; readonly batches: number; readonly reason: string }
  /** The edge audits an answer; `found` is false when its transcript is gone. */
  | { readonly event: 'transcript_opened'; readonly lease: string; readonly found: boolean }
  /** As a verifier: an answer of so many tokens. */
  | {
      readonly event: 'scored' | 'rendered'
      readonly id: number
      readonly model: string
      readonly tokens: number
      readonly ms: number
    }
  | {
      readonly event: 'score_failed' | 'render_failed'
      readonly id: number
      readonly model: string
      readonly message: string
    }
  /** The owner's commands cannot ask this agent. */
  | { readonly event: 'control_trouble'; readonly message: string }
  | { readonly event: 'edge_drains'; readonly reason: string; readonly running: number }
  | { readonly event: 'draining'; readonly running: number; readonly grace_ms: number }
  | { readonly event: 'stopped'; readonly jobs: number; readonly earned_msat: number }

/** What the servers run in that the agent starts itself, as a self-test has proved it. */
export interface EngineSandboxEvent {
  readonly event: 'engine_sandbox'
  /** Such as `bwrap`, `podman+runc`; `none`. */
  readonly driver: string
  /** What of its limits does not hold here, in words. */
  readonly gaps: readonly string[]
  /** Why others were not taken. */
  readonly passed: readonly string[]
}

/** What becomes of a server that the agent starts itself. */
export type EngineProcessEvent =
  | EngineSandboxEvent
  | {
      readonly event: 'engine_program'
      readonly engine: string
      readonly version: string
      readonly path: string
    }
  /** It answers, so many ms after its start. */
  | {
      readonly event: 'engine_up'
      readonly engine: string
      readonly model: string
      readonly ms: number
    }
  /** It ended without being asked, after these last lines of its output. */
  | {
      readonly event: 'engine_down'
      readonly engine: string
      readonly model: string
      readonly reason: string
      /** What the owner can do. */
      readonly hint?: string
      readonly lines: readonly string[]
      readonly retry_ms: number
    }

/** What a model is offered for. */
export interface OfferFacts {
  readonly id: string
  readonly endpoints: readonly string[]
  readonly capabilities: readonly string[]
  readonly quantization?: string
}

export interface JobFacts {
  readonly job: string
  readonly lease: string
  readonly model: string
  readonly prompt_tokens: number
  readonly completion_tokens: number
  /** The engine did not count: the token numbers are ours. */
  readonly estimated: boolean
  readonly ttft_ms: number | undefined
  readonly duration_ms: number
  /** What the receipt claims, in msat. */
  readonly earned_msat: number
}

export type EventName = AgentEvent['event']

/** Totals since the start. */
export interface AgentCounters {
  readonly events: Readonly<Partial<Record<EventName, number>>>
  readonly promptTokens: number
  readonly completionTokens: number
  readonly earnedMsat: number
}

/**
 * Where business events become log lines and numbers. `write` gets each event with its time
 * (ms since the epoch).
 */
export class EventLog {
  readonly #write: (event: AgentEvent, at: number) => void
  readonly #now: () => number
  readonly #events: Partial<Record<EventName, number>> = {}
  #promptTokens = 0
  #completionTokens = 0
  #earnedMsat = 0

  constructor(write: (event: AgentEvent, at: number) => void, now: () => number) {
    this.#write = write
    this.#now = now
  }

  emit(event: AgentEvent): void {
    this.#events[event.event] = (this.#events[event.event] ?? 0) + 1
    if ('earned_msat' in event && 'lease' in event) {
      this.#promptTokens += event.prompt_tokens
      this.#completionTokens += event.completion_tokens
      this.#earnedMsat += event.earned_msat
    }
    // Reasons and names come from edges, engines and nodes.
    this.#write(plainTexts(event), this.#now())
  }

  get counters(): AgentCounters {
    return {
      events: { ...this.#events },
      promptTokens: this.#promptTokens,
      completionTokens: this.#completionTokens,
      earnedMsat: this.#earnedMsat,
    }
  }
}
