import type { RequestShape } from './load-plan.ts'

/** Requests that warm the same code; a target is warmed once for each kind that will be measured. */
export type WarmUpKind = 'json' | 'stream' | 'prompt'

interface Common {
  readonly name: string
  readonly title: string
  readonly warmUp: WarmUpKind
  readonly request: Omit<RequestShape, 'model'>
  /** Rounds that it takes part in; all, if absent. */
  readonly rounds?: number
}

/** A closed loop of equal requests. */
export interface LoopScenario extends Common {
  readonly kind: 'closed-loop'
  readonly concurrency: number
  /** The clients begin one after the other within this time; at once, if absent. */
  readonly rampMs?: number
  /** All processes of the target share one core. */
  readonly oneCore?: boolean
}

/** Clients that hang up in the middle of a stream. */
interface HangUpScenario extends Common {
  readonly kind: 'hang-up'
  readonly hangUpAfterChunks: number
}

export type Scenario = LoopScenario | HangUpScenario

const JSON_REQUEST = { stream: false, chunks: 1, gapMs: 0, promptBytes: 0 }
const BURST = { stream: true, chunks: 64, gapMs: 0, promptBytes: 0 }

/** How fast a GPU emits tokens of one stream, near enough. */
const TOKEN_GAP_MS = 10

/** What is measured, in the order of the report. */
export const SCENARIOS: readonly Scenario[] = [
  {
    kind: 'closed-loop',
    name: 'json-1',
    title: 'JSON answers, one client',
    warmUp: 'json',
    concurrency: 1,
    request: JSON_REQUEST,
  },
  {
    kind: 'closed-loop',
    name: 'json-32',
    title: 'JSON answers, 32 clients',
    warmUp: 'json',
    concurrency: 32,
    request: JSON_REQUEST,
  },
  {
    kind: 'closed-loop',
    name: 'burst-1',
    title: 'Streams of 64 chunks without pause, one client',
    warmUp: 'stream',
    concurrency: 1,
    request: BURST,
  },
  {
    kind: 'closed-loop',
    name: 'burst-32',
    title: 'Streams of 64 chunks without pause, 32 clients',
    warmUp: 'stream',
    concurrency: 32,
    request: BURST,
  },
  {
    kind: 'closed-loop',
    name: 'paced-32',
    title: 'Streams of 64 chunks 10 ms apart, 32 clients',
    warmUp: 'stream',
    concurrency: 32,
    request: { ...BURST, gapMs: TOKEN_GAP_MS },
  },
  {
    kind: 'closed-loop',
    name: 'prompt-4',
    title: 'Prompts of 64 KiB, JSON answers, 4 clients',
    warmUp: 'prompt',
    concurrency: 4,
    request: { ...JSON_REQUEST, promptBytes: 64 * 1024 },
  },
  {
    kind: 'closed-loop',
    name: 'crowd-1000',
    title: 'Streams of 32 chunks 250 ms apart, 1,000 clients, the target on one core',
    warmUp: 'stream',
    concurrency: 1000,
    rampMs: 4_000,
    oneCore: true,
    rounds: 1,
    request: { ...BURST, chunks: 32, gapMs: 250 },
  },
  {
    kind: 'hang-up',
    name: 'hang-up',
    title: 'The client hangs up after 5 of 200 chunks 10 ms apart',
    warmUp: 'stream',
    hangUpAfterChunks: 5,
    request: { stream: true, chunks: 200, gapMs: TOKEN_GAP_MS, promptBytes: 0 },
  },
]

/** How a target is warmed for one kind of request. */
interface WarmUp {
  /** Part of the budget's warm-up time. */
  readonly share: number
  readonly concurrency: number
  readonly request: Omit<RequestShape, 'model'>
}

/**
 * Every target is warmed for the same time rather than the same number of requests: V8 goes on
 * optimising for tens of thousands of requests, and the cost of one halves meanwhile.
 */
export const WARM_UPS: Readonly<Record<WarmUpKind, WarmUp>> = {
  json: { share: 1, concurrency: 32, request: JSON_REQUEST },
  stream: { share: 0.7, concurrency: 32, request: BURST },
  prompt: {
    share: 0.25,
    concurrency: 4,
    request: { ...JSON_REQUEST, promptBytes: 64 * 1024 },
  },
}

/** How much time a run spends. */
export interface Budget {
  readonly rounds: number
  /** Length of one closed loop. */
  readonly durationMs: number
  /** Unmeasured load of the same kind just before it. */
  readonly leadInMs: number
  /** Length of the longest warm-up. */
  readonly warmUpMs: number
  readonly hangUps: number
}

/** About seven minutes for five targets, most of it warming up. */
export const FULL_BUDGET: Budget = {
  rounds: 3,
  durationMs: 2_000,
  leadInMs: 250,
  warmUpMs: 15_000,
  hangUps: 3,
}

/** Under ninety seconds for five targets; enough to see factors, not percents. */
export const QUICK_BUDGET: Budget = {
  rounds: 2,
  durationMs: 500,
  leadInMs: 100,
  warmUpMs: 2_500,
  hangUps: 2,
}
