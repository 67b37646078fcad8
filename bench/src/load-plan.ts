import { z } from 'zod'
import { pacingText } from './pacing.ts'

/** What every request of a plan asks for. */
const requestShape = z.object({
  model: z.string(),
  stream: z.boolean(),
  /** Content chunks of a stream; a JSON answer ignores them. */
  chunks: z.number().int().positive(),
  gapMs: z.number().int().nonnegative(),
  /** Least size of the prompt in bytes. */
  promptBytes: z.number().int().nonnegative(),
})
export type RequestShape = z.infer<typeof requestShape>

const destination = z.object({
  /** The chat completions URL; loopback only. */
  url: z.string(),
  headers: z.record(z.string(), z.string()),
  request: requestShape,
})
export type Destination = z.infer<typeof destination>

const closedLoopPlan = destination.extend({
  kind: z.literal('closed-loop'),
  /** Requests in flight at any time. */
  concurrency: z.number().int().positive(),
  /** The clients begin one after the other within this time; all at once, if absent. */
  rampMs: z.number().nonnegative().optional(),
  /** No request starts after this many milliseconds... */
  durationMs: z.number().positive(),
  /** ...nor after this many requests, whichever comes first. */
  maxRequests: z.number().int().positive(),
  /** Parse every event of a stream rather than count them. */
  strict: z.boolean(),
})
export type ClosedLoopPlan = z.infer<typeof closedLoopPlan>

const hangUpPlan = destination.extend({
  kind: z.literal('hang-up'),
  /** Where the engine answers `GET /stats`. */
  statsUrl: z.string(),
  attempts: z.number().int().positive(),
  /** The client hangs up on reading this content chunk. */
  hangUpAfterChunks: z.number().int().positive(),
})
export type HangUpPlan = z.infer<typeof hangUpPlan>

/** One line of work for the load generator. */
export const loadPlan = z.discriminatedUnion('kind', [closedLoopPlan, hangUpPlan])
export type LoadPlan = z.infer<typeof loadPlan>

const spread = z.object({ p50: z.number(), p99: z.number() })
export type Spread = z.infer<typeof spread>

const failures = z.object({
  failures: z.number(),
  /** The first few distinct reasons. */
  reasons: z.array(z.string()),
})

/** What a closed loop measured; times in microseconds. */
export const closedLoopReport = failures.extend({
  /** Answers that were complete and correct. */
  requests: z.number(),
  chunks: z.number(),
  bytes: z.number(),
  /** Within the measured window only; requests that finish after it do not count. */
  requestsPerSecond: z.number(),
  chunksPerSecond: z.number(),
  latencyUs: spread.optional(),
  /** From sending the request to the first byte of content; streams only. */
  firstTokenUs: spread.optional(),
  /** From the engine writing a chunk to the client reading it; streams only. */
  chunkDelayUs: spread.optional(),
})
export type ClosedLoopReport = z.infer<typeof closedLoopReport>

/** What hanging up measured, one entry an attempt; times in microseconds. */
export const hangUpReport = failures.extend({
  /** From the client's hang-up to the engine seeing it; null when the engine finished unaware. */
  noticedAfterUs: z.array(z.number().nullable()),
  /** Content chunks that the engine wrote in vain or not. */
  chunksSent: z.array(z.number()),
})
export type HangUpReport = z.infer<typeof hangUpReport>

/** Tokens that a request allows; above every scenario's chunk count. */
const MAX_TOKENS = 256

const PROMPT_WORDS = 'Tell me again how the tide turns. '

/** The body of a plan's requests: an ordinary chat completion whose last message carries the pacing. */
export function requestBody(request: RequestShape): Buffer {
  const pacing = pacingText(request)
  const words = Math.max(1, Math.ceil((request.promptBytes - pacing.length) / PROMPT_WORDS.length))
  const body = {
    model: request.model,
    messages: [
      { role: 'system', content: 'You are a tide table.' },
      { role: 'user', content: `${PROMPT_WORDS.repeat(words)}${pacing}` },
    ],
    max_tokens: MAX_TOKENS,
    stream: request.stream,
  }
  return Buffer.from(JSON.stringify(body))
}
