import type { MeasuredSpeed } from '@infernet/schemas/hardware'
import { MAX_MEASURED_MODELS } from '@infernet/schemas/limits'
import type { JobOutcome } from '../jobs/job.ts'

/** What is left of an earlier job's weight with each later one: half after some seven. */
const KEPT = 0.9
/** Fewer tokens say more about the moment than about the machine. */
const MIN_ANSWER_TOKENS = 16
const MIN_PROMPT_TOKENS = 32

/** Tokens and the time that they took, in ms, both weighted alike. */
interface Pace {
  readonly tokens: number
  readonly ms: number
}

interface ModelPace {
  readonly jobs: number
  readonly decode: Pace
  readonly prefill: Pace
}

/** By model; the one that was measured last comes last. */
export type SpeedBook = ReadonlyMap<string, ModelPace>

export type TimedJob = Pick<
  JobOutcome,
  'header' | 'state' | 'usage' | 'startedAt' | 'endedAt' | 'ttftMs'
>

interface StreamedJob {
  readonly header: Pick<TimedJob['header'], 'stream'>
}

const NO_PACE: Pace = { tokens: 0, ms: 0 }
const NO_JOBS: ModelPace = { jobs: 0, decode: NO_PACE, prefill: NO_PACE }

/**
 * The book with one more job: an exponentially weighted mean, in which a job counts by its length. Only
 * streams that were finished, and whose tokens the engine has counted, tell the two phases apart.
 */
export function measuredSpeed(book: SpeedBook, job: TimedJob): SpeedBook {
  if (!isTimed(job) || job.usage.estimated === true) return book
  const decode = decodeOf(job)
  const prefill = prefillOf(job)
  if (decode === undefined && prefill === undefined) return book
  const before = book.get(job.header.model) ?? NO_JOBS
  const others = [...book].filter(([model]) => model !== job.header.model)
  const after = {
    jobs: before.jobs + 1,
    decode: joined(before.decode, decode),
    prefill: joined(before.prefill, prefill),
  }
  return new Map([...others.slice(1 - MAX_MEASURED_MODELS), [job.header.model, after]])
}

/** The speeds in a book as they are announced. */
export const speedsIn = (book: SpeedBook): MeasuredSpeed[] =>
  [...book].map(([model, { jobs, decode, prefill }]) => ({
    model,
    jobs,
    ...(decode.ms > 0 ? { decode_tokens_s: perSecond(decode) } : {}),
    ...(prefill.ms > 0 ? { prefill_tokens_s: perSecond(prefill) } : {}),
  }))

type Timed = { readonly ttftMs: number }

/** Whether a job was a stream that was finished. */
export const isTimed = <T extends Pick<TimedJob, 'state' | 'ttftMs'> & StreamedJob>(
  job: T,
): job is T & Timed => job.header.stream && job.state === 'ended' && job.ttftMs !== undefined

/** The tokens after the first and their time, however few they are. */
export const decodePace = ({
  usage,
  ttftMs,
  startedAt,
  endedAt,
}: Pick<TimedJob, 'usage' | 'startedAt' | 'endedAt'> & Timed): Pace => ({
  tokens: usage.completion_tokens - 1,
  ms: endedAt - startedAt - ttftMs,
})

function decodeOf(job: TimedJob & Timed): Pace | undefined {
  const pace = decodePace(job)
  return pace.tokens >= MIN_ANSWER_TOKENS && pace.ms > 0 ? pace : undefined
}

function prefillOf({ usage, ttftMs }: TimedJob & Timed): Pace | undefined {
  const pace = { tokens: usage.prompt_tokens - (usage.cached_tokens ?? 0), ms: ttftMs }
  return pace.tokens >= MIN_PROMPT_TOKENS && pace.ms > 0 ? pace : undefined
}

const joined = (before: Pace, next: Pace | undefined): Pace =>
  next === undefined
    ? before
    : { tokens: KEPT * before.tokens + next.tokens, ms: KEPT * before.ms + next.ms }

/** One decimal: more would be noise. */
const perSecond = ({ tokens, ms }: Pace): number =>
  Math.min(1e7, Math.max(0.1, Math.round((tokens / ms) * 10_000) / 10))
