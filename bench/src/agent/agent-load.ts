import { BENCH_MODEL } from '../mock-engine.ts'

/** One kind of work for an agent: a closed loop of equal jobs. */
export interface AgentLoad {
  readonly name: string
  readonly title: string
  readonly concurrency: number
  readonly stream: boolean
  /** Content chunks of a stream; a JSON answer is one. */
  readonly chunks: number
  /** Before each chunk, in ms; 0: one each turn of the engine's event loop. */
  readonly gapMs: number
  /**
   * The engine tells its tokens' ids and 20 candidates each. The agent keeps that as its claim, and takes it
   * out of what it passes on; the relay passes it on.
   */
  readonly shown: boolean
}

/** The model of the server whose answers are shown. */
export const SHOWN_MODEL = 'shown'

export const modelOf = ({ shown }: Pick<AgentLoad, 'shown'>): string =>
  shown ? SHOWN_MODEL : BENCH_MODEL

/** A short answer from a fast GPU. */
const THINK_MS = 50
const JSON_ANSWER = { stream: false, chunks: 1, shown: false }
const PACED_CHUNKS = 32
const BURST_CHUNKS = 64

const clients = (n: number): string => (n === 1 ? 'one client' : `${n} clients`)
const claims = (shown: boolean): string => (shown ? ', with claims' : '')

const json = (concurrency: number): AgentLoad => ({
  ...JSON_ANSWER,
  name: `json-${concurrency}`,
  title: `JSON after ${THINK_MS} ms, ${clients(concurrency)}`,
  concurrency,
  gapMs: THINK_MS,
})

const fullJson = (concurrency: number): AgentLoad => ({
  ...JSON_ANSWER,
  name: `full-json-${concurrency}`,
  title: `JSON at once, ${clients(concurrency)}`,
  concurrency,
  gapMs: 0,
})

const paced = (gapMs: number, concurrency: number, shown = false): AgentLoad => ({
  name: `${gapMs}ms-${concurrency}${shown ? '-claims' : ''}`,
  title: `${1000 / gapMs} chunks/s each, ${clients(concurrency)}${claims(shown)}`,
  concurrency,
  stream: true,
  chunks: PACED_CHUNKS,
  gapMs,
  shown,
})

const full = (concurrency: number, shown = false): AgentLoad => ({
  name: `full-${concurrency}${shown ? '-claims' : ''}`,
  title: `chunks without pause, ${clients(concurrency)}${claims(shown)}`,
  concurrency,
  stream: true,
  chunks: BURST_CHUNKS,
  gapMs: 0,
  shown,
})

/**
 * What is measured, in the order of the report. A GPU gives a stream 20 to 200 tokens a second. Where the
 * engine never pauses, times are those of queues, and say what the agent can take.
 */
export const AGENT_LOADS: readonly AgentLoad[] = [
  ...[1, 8, 32].map(json),
  ...[1, 8, 32].map((n) => paced(10, n)),
  paced(50, 32),
  paced(2, 8),
  fullJson(32),
  full(8),
  full(32),
  ...[1, 8, 32].map((n) => paced(10, n, true)),
  full(8, true),
]
