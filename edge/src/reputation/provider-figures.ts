import { lowerBound } from '@infernet/verification/reputation/lower-bound'
import {
  integrityCounts,
  type AuditCounts,
} from '@infernet/verification/reputation/reputation-weight'
import { score, type Reputation } from '@infernet/verification/reputation/score'
import { speedFactor, type Speed } from '@infernet/verification/reputation/speed'
import { quantile } from '@infernet/verification/statistics/quantile'
import type { Presence } from '../ports.ts'
import { LOOK_BACK_MS, type ProviderRecord } from './provider-port.ts'

const HOUR_MS = 3_600_000
/** The score has no price in it: what something costs is for each request to weigh. */
const NO_PRICE = { price: 1, weight: 0 }

/** A provider with all that its score is made of. */
export interface ProviderFigures {
  readonly record: ProviderRecord
  /** Undefined while it is not connected. */
  readonly presence: Presence | undefined
  readonly reputation: Reputation
  readonly score: number
}

/** The middle of what the providers of each model show. */
export type ClassSpeeds = ReadonlyMap<string, Speed>

/** What follows from what is known of a provider at `now` (ms since the epoch). */
export function figuresOf(
  record: ProviderRecord,
  presence: Presence | undefined,
  classes: ClassSpeeds,
  now: number,
): ProviderFigures {
  const reputation: Reputation = {
    integrity: { ...integrityCounts(auditsLately(record)), at: now },
    completion: { good: record.jobs.completed, bad: record.jobs.failed, at: now },
    uptime: uptimeOf(record, presence, now),
    speed: speedOf(record, classes),
  }
  // What fails before its first byte leaves no row; the hub has seen it.
  const reliability = presence?.reliability ?? 1
  const total = score(reputation, NO_PRICE.price, NO_PRICE.weight) * reliability
  return { record, presence, reputation, score: total }
}

/** The best first; among equals by name, so that pages fit together. */
export const byScore = (figures: readonly ProviderFigures[]): ProviderFigures[] =>
  figures.toSorted((a, b) => b.score - a.score || (a.record.id < b.record.id ? -1 : 1))

/** How fast the providers of each model are, in the middle. */
export function classSpeeds(records: readonly ProviderRecord[]): ClassSpeeds {
  const speeds = records.flatMap(({ jobs }) => jobs.speeds)
  const classes = Map.groupBy(speeds, ({ model }) => model)
  return new Map(
    [...classes].map(([model, of]) => [
      model,
      {
        firstTokenMs: middle(of.map(({ firstTokenMs }) => firstTokenMs)),
        tokensPerSecond: middle(of.map(({ tokensPerSecond }) => tokensPerSecond)),
      },
    ]),
  )
}

/** The share of jobs that one can count on to end well, and the share of audits: see `lowerBound`. */
export const boundsOf = ({ reputation: { integrity, completion } }: ProviderFigures) => ({
  integrity: lowerBound(integrity),
  completion: lowerBound(completion),
})

/**
 * The share of the last seven days, or of the time since it came first, that it was connected, 0 to 1. What is not
 * written down yet of a connection counts too.
 */
export function uptimeOf(
  { firstSeenAt, onlineMs }: ProviderRecord,
  presence: Presence | undefined,
  now: number,
): number {
  // Time is written down by whole hours.
  const from = Math.max(firstSeenAt, Math.ceil((now - LOOK_BACK_MS) / HOUR_MS) * HOUR_MS)
  const unwritten = presence === undefined ? 0 : now - Math.max(from, presence.countedUntil)
  const online = onlineMs + Math.max(0, unwritten)
  if (now <= from) return presence === undefined ? 0 : 1
  return Math.min(1, online / (now - from))
}

/** Beside the middle of the others that serve the same models, by its jobs. */
function speedOf({ jobs }: ProviderRecord, classes: ClassSpeeds): number {
  let [sum, weight] = [0, 0]
  for (const own of jobs.speeds) {
    const others = classes.get(own.model)
    if (others === undefined) continue
    sum += own.jobs * speedFactor(own, others)
    weight += own.jobs
  }
  return weight === 0 ? 1 : sum / weight
}

/** Of all its specs together: a fail with one of them is told of all. */
const auditsLately = ({ audits }: ProviderRecord): AuditCounts =>
  audits.reduce(
    (sum, { lately }) => ({
      passed: sum.passed + lately.passed,
      failed: sum.failed + lately.failed,
      unopened: sum.unopened + lately.unopened,
    }),
    { passed: 0, failed: 0, unopened: 0 },
  )

const middle = (values: readonly number[]): number =>
  quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  )
