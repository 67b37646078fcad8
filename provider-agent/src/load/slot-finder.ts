import type { JobHeader } from '@infernet/schemas/wire'
import { quantile } from '@infernet/verification/statistics/quantile'
import type { JobOutcome } from '../jobs/job.ts'
import { DEFAULT_SLOTS } from '../limits.ts'
import {
  searchAfter,
  searchWithin,
  startedSearch,
  type SlotBounds,
  type SlotSearch,
} from './slot-search.ts'

/** One at a time, an engine would idle between two jobs, and a long answer would block all others. */
const LEAST_SLOTS = 2
/** Where the engine does not say how many it answers side by side: vLLM's own limit. */
const MOST_SLOTS = 256
/** A stretch of less says more about the moment than about the engine. */
const MIN_STRETCH_MS = 10_000
const MIN_JOBS_PER_SLOT = 2
/** Of long answers fewer end, and so many tokens say enough. */
const LONG_STRETCH_MS = 60_000
/** From this share of the slots in use on the engine shows what it can do with them. */
const FULL = 0.8
/** A token that is read costs about so much of one that is written. */
const PROMPT_SHARE = 1 / 8
/** First tokens remembered of a stretch: enough for their middle. */
const MAX_TTFTS = 512

/** A job that has ended, as far as it tells how fast the engine is. */
export type EndedJob = Pick<JobOutcome, 'state' | 'usage' | 'ttftMs'> & {
  readonly header: Pick<JobHeader, 'stream'>
}

/** The jobs that run at a time. */
export interface RunningJobs {
  readonly running: number
  /** Tokens that they have written so far. */
  readonly written: number
}

interface OpenStretch {
  readonly since: number
  /** What the jobs that ran then had written. */
  readonly writtenBefore: number
  seenAt: number
  /** Jobs × ms. */
  area: number
  jobs: number
  /** Of jobs that have ended. */
  tokens: number
  readonly ttfts: number[]
}

/**
 * Finds out how many jobs at once the engine serves well: measures it while all slots are in use, and
 * tries more or fewer of them.
 */
export class SlotFinder {
  readonly #most: () => number | undefined
  #search: SlotSearch
  #stretch: OpenStretch | undefined

  /** `most`: answers that the engine gives side by side, as far as it says. */
  constructor(most: () => number | undefined) {
    this.#most = most
    this.#search = startedSearch(DEFAULT_SLOTS)
  }

  /** Jobs that may run at once now. */
  get slots(): number {
    return searchWithin(this.#search, this.#bounds).slots
  }

  finished({ header, state, usage, ttftMs }: EndedJob): void {
    const stretch = this.#stretch
    if (stretch === undefined) return
    const read = Math.max(0, usage.prompt_tokens - (usage.cached_tokens ?? 0))
    stretch.tokens += usage.completion_tokens + PROMPT_SHARE * read
    if (state !== 'ended') return
    stretch.jobs++
    if (header.stream && ttftMs !== undefined && stretch.ttfts.length < MAX_TTFTS)
      stretch.ttfts.push(ttftMs)
  }

  /** Looks at the jobs; call it a few times a second. `now` in ms. */
  tick(now: number, jobs: RunningJobs): void {
    const search = searchWithin(this.#search, this.#bounds)
    if (search !== this.#search) this.#stretch = undefined
    this.#search = search
    const { slots } = search
    const { running } = jobs
    const stretch = this.#stretch
    if (stretch === undefined) {
      if (running >= FULL * slots && running <= slots) this.#begin(now, jobs.written)
      return
    }
    stretch.area += running * (now - stretch.seenAt)
    stretch.seenAt = now
    const ms = now - stretch.since
    if (ms < MIN_STRETCH_MS) return
    if (stretch.area < FULL * slots * ms) {
      this.#stretch = undefined
      return
    }
    if (stretch.jobs < MIN_JOBS_PER_SLOT * slots && ms < LONG_STRETCH_MS) return
    this.#stretch = undefined
    const tokens = stretch.tokens + jobs.written - stretch.writtenBefore
    const tokensPerSecond = (1000 * Math.max(0, tokens)) / ms
    const ttftMs = middleOf(stretch.ttfts)
    this.#search = searchAfter(search, { slots, tokensPerSecond, ttftMs }, this.#bounds)
  }

  #begin(now: number, writtenBefore: number): void {
    this.#stretch = {
      since: now,
      writtenBefore,
      seenAt: now,
      area: 0,
      jobs: 0,
      tokens: 0,
      ttfts: [],
    }
  }

  get #bounds(): SlotBounds {
    const most = Math.max(1, Math.min(MOST_SLOTS, this.#most() ?? MOST_SLOTS))
    return { least: Math.min(LEAST_SLOTS, most), most }
  }
}

const middleOf = (values: readonly number[]): number | undefined =>
  values.length === 0
    ? undefined
    : quantile(
        values.toSorted((a, b) => a - b),
        0.5,
      )
