import { blendedPrice, loadOf, type Candidate } from './candidate.ts'
import type { MatchRules } from './match-rules.ts'

/** Load that an idle provider counts as, so that the weights decide between two idle ones. */
const IDLE_LOAD = 0.1
/**
 * Most that price alone makes up for: three times cheaper. So who asks nothing gets every job until
 * four fifths of its slots are in use while others are idle, and not until it has none left.
 */
const MAX_PRICE_FACTOR = 9
/** Most that speed alone makes up for. */
const MAX_SPEED_FACTOR = 4
/** Trust below this counts as this: as much as price and speed together, so that neither can make up for it. */
const LEAST_TRUST = 1 / (MAX_PRICE_FACTOR * MAX_SPEED_FACTOR)
/** Tokens of a usual answer, to make one time out of first byte and throughput. */
const USUAL_TOKENS = 200

/** Better ranks first: {@link FIRST_RANK}, then who misses a preference, then who fails often. */
export const FIRST_RANK = 0

/**
 * How far down a candidate comes before load and price are compared. Of one that has not served yet
 * nothing bad is known.
 */
export function rankOf(
  candidate: Candidate,
  preferences: Pick<MatchRules, 'minThroughput' | 'maxLatencyMs'>,
  now: number,
): number {
  const { stats } = candidate
  if (stats === undefined) return FIRST_RANK
  const { minThroughput, maxLatencyMs } = preferences
  const isSlow =
    (minThroughput !== undefined && (stats.tokensPerSecond ?? minThroughput) < minThroughput) ||
    (maxLatencyMs !== undefined && (stats.firstByteQuantile(0.5) ?? 0) > maxLatencyMs)
  return (stats.isFallback(now) ? 2 : 0) + (isSlow ? 1 : 0)
}

export interface Comparison {
  /** ms since the epoch. */
  readonly now: number
  /** This job is for finding out how good somebody is: trust does not count. */
  readonly explores: boolean
}

/**
 * The one of two that costs the network less: by load, price, speed, completion rate and trust; among
 * equals the one with more of its cache free.
 */
export function lighterOf<C extends Candidate>(one: C, other: C, comparison: Comparison): C {
  const ratio = costRatio(one, other, comparison)
  if (ratio === 1) return one.kvUse <= other.kvUse ? one : other
  return ratio < 1 ? one : other
}

/**
 * Cost of a job on `one` divided by that on `other`, where cost is load / weight. Weights are
 * inverse square of price, speed against the other, square of the completion rate, and trust.
 */
function costRatio(one: Candidate, other: Candidate, { now, explores }: Comparison): number {
  const load = (loadOf(one) + IDLE_LOAD) / (loadOf(other) + IDLE_LOAD)
  const doubt = explores ? 1 : trustOf(other) / trustOf(one)
  const failure = failureFactor(one, other, now)
  return load * priceFactor(one, other) * speedFactor(one, other) * failure * doubt
}

const trustOf = ({ trust }: Candidate): number => Math.max(LEAST_TRUST, trust)

function priceFactor(one: Candidate, other: Candidate): number {
  // Plus one: some ask nothing.
  const ratio = (blendedPrice(one.price) + 1) / (blendedPrice(other.price) + 1)
  return within(MAX_PRICE_FACTOR, ratio * ratio)
}

function speedFactor(one: Candidate, other: Candidate): number {
  const [mine, theirs] = [usualAnswerMs(one), usualAnswerMs(other)]
  return mine === undefined || theirs === undefined ? 1 : within(MAX_SPEED_FACTOR, mine / theirs)
}

function failureFactor(one: Candidate, other: Candidate, now: number): number {
  const ratio = (other.stats?.reliability(now) ?? 1) / (one.stats?.reliability(now) ?? 1)
  return ratio * ratio
}

/** What to sort by; lower is better, and who has not been measured comes last. */
export const MEASURES: Readonly<
  Record<'price' | 'throughput' | 'latency', (candidate: Candidate) => number>
> = {
  price: ({ price }) => blendedPrice(price),
  throughput: ({ stats }) => -(stats?.tokensPerSecond ?? 0),
  latency: ({ stats }) => stats?.firstByteQuantile(0.5) ?? Number.POSITIVE_INFINITY,
}

/** How long a usual answer takes; undefined while that is unknown. */
function usualAnswerMs({ stats }: Candidate): number | undefined {
  const rate = stats?.tokensPerSecond
  if (rate === undefined) return undefined
  return (stats?.firstByteMs ?? 0) + (USUAL_TOKENS * 1000) / rate
}

const within = (most: number, factor: number): number => Math.min(most, Math.max(1 / most, factor))
