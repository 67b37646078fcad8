import type { Load } from '@infernet/schemas/wire'
import { quantile } from '@infernet/verification/statistics/quantile'
import { decodePace, isTimed } from '../hardware/measured-speed.ts'
import type { JobOutcome } from '../jobs/job.ts'
import type { EndedJob } from './slot-finder.ts'

/** Answers that figures are made of: enough for a p99 to be more than the slowest of a few. */
const MAX_ANSWERS = 128
/** Shorter answers say more about the moment than about the engine. */
const MIN_TOKENS = 8

type SpeedFigures = Pick<Load, 'tokens_per_second' | 'ttft_ms'>

/** How fast the latest streams were, as an edge is told. */
export class RecentSpeed {
  readonly #ttfts: number[] = []
  readonly #rates: number[] = []
  #figures: SpeedFigures | undefined

  finished(job: EndedJob & Pick<JobOutcome, 'startedAt' | 'endedAt'>): void {
    if (!isTimed(job)) return
    this.#figures = undefined
    keep(this.#ttfts, Math.max(0, Math.round(job.ttftMs)))
    if (job.usage.estimated === true) return
    const { tokens, ms } = decodePace(job)
    if (tokens >= MIN_TOKENS && ms > 0) keep(this.#rates, (tokens * 1000) / ms)
  }

  /** Absent where no answer has shown it. */
  get figures(): SpeedFigures {
    return (this.#figures ??= figuresOf(this.#ttfts, this.#rates))
  }
}

function keep(values: number[], value: number): void {
  values.push(value)
  if (values.length > MAX_ANSWERS) values.shift()
}

function figuresOf(ttfts: readonly number[], rates: readonly number[]): SpeedFigures {
  const [times, speeds] = [ascending(ttfts), ascending(rates)]
  return {
    ...(speeds.length === 0
      ? {}
      : { tokens_per_second: Math.min(1e7, Math.round(quantile(speeds, 0.5) * 10) / 10) }),
    ...(times.length === 0
      ? {}
      : {
          ttft_ms: {
            p50: quantile(times, 0.5),
            p90: quantile(times, 0.9),
            p99: quantile(times, 0.99),
          },
        }),
  }
}

const ascending = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b)
