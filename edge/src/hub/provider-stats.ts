/** What happened this long ago counts half. */
const HALF_LIFE_MS = 10 * 60_000
/** Weights grow with time instead of old samples shrinking; past 2^this they are scaled back. */
const MAX_WEIGHT_EXPONENT = 16
/** Buckets per doubling: a quantile is off by at most a fifth, 2^(1/4). */
const BUCKETS_PER_OCTAVE = 4
/** From 1 ms to 65 s, beyond which the first-byte timeout strikes. */
const BUCKETS = 16 * BUCKETS_PER_OCTAVE
/** Weight of a new sample in the moving averages. */
const EWMA_SHARE = 0.2
/** Successes that everyone starts with, so that one failure does not make a newcomer unusable. */
const PRIOR_SUCCESSES = 5
/** Answers of late before anyone is called unreliable. */
const MIN_JUDGED = 20
/** Below this completion rate a provider is used only when there is no other. */
const MIN_COMPLETION_RATE = 0.8
/** After a failure a provider comes last for this long. */
export const OUTAGE_MS = 30_000

/** First bytes seen before a provider's own p99 means something. */
export const HEDGE_MIN_SAMPLES = 30
/** Nobody notices a shorter wait, and every hedge costs a second prefill. */
export const HEDGE_FLOOR_MS = 100

/** A provider's measures as plain data; null where nothing is known. */
export interface ProviderFigures {
  /** Successes among the answers that did not fail by the client's fault, 0 … 1. */
  readonly completionRate: number | null
  readonly firstByteMs: number | null
  readonly firstByteP50Ms: number | null
  readonly firstByteP99Ms: number | null
  readonly tokensPerSecond: number | null
  /** ms since the epoch. */
  readonly lastOutageAt: number | null
  /** Answers that count, ever. */
  readonly answers: number
}

/**
 * Live measures of one provider for one model. A sample costs O(1), all of them together less than
 * a kilobyte. Counts and the distribution fade with {@link HALF_LIFE_MS}; the averages follow the
 * last samples. All times are ms since the epoch, and come in from outside.
 *
 * Counted like OpenRouter's uptime: successes divided by all but the client's own errors. So a
 * refused request, a cancelled one and a `busy` are recorded nowhere.
 */
export class ProviderStats {
  /** The time at which a sample weighs 1. */
  #landmark: number
  #succeeded = 0
  #judged = 0
  #answers = 0
  readonly #firstBytes = new Float64Array(BUCKETS)
  #firstByteWeight = 0
  #firstByteSamples = 0
  #firstByteMs: number | undefined
  #tokensPerSecond: number | undefined
  #lastOutageAt: number | undefined

  constructor(now: number) {
    this.#landmark = now
  }

  /** The first byte of a stream came `ms` after the job was sent. */
  firstByte(ms: number, now: number): void {
    const weight = this.#weight(now)
    const bucket = bucketOf(ms)
    this.#firstBytes[bucket] = (this.#firstBytes[bucket] ?? 0) + weight
    this.#firstByteWeight += weight
    this.#firstByteSamples++
    this.#firstByteMs = averaged(this.#firstByteMs, ms)
  }

  /** An answer came whole: so many delivered tokens, `ms` after the job was sent. */
  completed(answer: { readonly tokens: number; readonly ms: number }, now: number): void {
    const weight = this.#weight(now)
    this.#succeeded += weight
    this.#judged += weight
    this.#answers++
    if (answer.tokens === 0) return
    const rate = (answer.tokens * 1000) / Math.max(1, answer.ms)
    this.#tokensPerSecond = averaged(this.#tokensPerSecond, rate)
  }

  /** It failed a job by its own fault: an error, a timeout, a cut or malformed stream, a lost connection. */
  failed(now: number): void {
    this.#judged += this.#weight(now)
    this.#answers++
    this.#lastOutageAt = now
  }

  /** Moving average, ms; undefined while unknown. */
  get firstByteMs(): number | undefined {
    return this.#firstByteMs
  }

  /** First bytes seen, ever. */
  get firstByteSamples(): number {
    return this.#firstByteSamples
  }

  /** Moving average over whole answers, the wait for the first byte included; undefined while unknown. */
  get tokensPerSecond(): number | undefined {
    return this.#tokensPerSecond
  }

  /**
   * Completion rate for comparing. Everyone starts with some successes, which do not fade: never 0,
   * and it recovers with time.
   */
  reliability(now: number): number {
    const prior = PRIOR_SUCCESSES * 2 ** this.#exponent(now)
    return (this.#succeeded + prior) / (this.#judged + prior)
  }

  /** It failed a moment ago, or fails often: better than nobody, worse than anybody else. */
  isFallback(now: number): boolean {
    if (this.#lastOutageAt !== undefined && now - this.#lastOutageAt < OUTAGE_MS) return true
    // Few jobs reach a fallback, so its record must fade, or it would stay one for ever.
    if (this.#judged < MIN_JUDGED * 2 ** this.#exponent(now)) return false
    return this.#succeeded < MIN_COMPLETION_RATE * this.#judged
  }

  /** The time within which this share of first bytes came, ms; undefined while unknown. */
  firstByteQuantile(share: number): number | undefined {
    if (this.#firstByteWeight === 0) return undefined
    let left = share * this.#firstByteWeight
    for (const [bucket, weight] of this.#firstBytes.entries()) {
      if (weight > 0 && left <= weight) return upTo(bucket + left / weight)
      left -= weight
    }
    return upTo(BUCKETS)
  }

  figures(): ProviderFigures {
    return {
      completionRate: this.#judged === 0 ? null : this.#succeeded / this.#judged,
      firstByteMs: this.#firstByteMs ?? null,
      firstByteP50Ms: this.firstByteQuantile(0.5) ?? null,
      firstByteP99Ms: this.firstByteQuantile(0.99) ?? null,
      tokensPerSecond: this.#tokensPerSecond ?? null,
      lastOutageAt: this.#lastOutageAt ?? null,
      answers: this.#answers,
    }
  }

  /** What a sample weighs now. */
  #weight(now: number): number {
    const exponent = this.#exponent(now)
    if (exponent <= MAX_WEIGHT_EXPONENT) return 2 ** exponent
    this.#scale(2 ** -exponent)
    this.#landmark = now
    return 1
  }

  /** Half-lives since the landmark; a clock that went back counts as standing still. */
  #exponent(now: number): number {
    return Math.max(0, (now - this.#landmark) / HALF_LIFE_MS)
  }

  #scale(factor: number): void {
    this.#succeeded *= factor
    this.#judged *= factor
    this.#firstByteWeight = 0
    this.#firstBytes.forEach((weight, bucket) => {
      this.#firstBytes[bucket] = weight * factor
      this.#firstByteWeight += weight * factor
    })
  }
}

/**
 * After how long without a first byte a second provider is asked: this one's own p99, but never
 * less than {@link HEDGE_FLOOR_MS}. Undefined while it is unknown.
 */
export function hedgeDelayMs(stats: ProviderStats | undefined): number | undefined {
  if (stats === undefined || stats.firstByteSamples < HEDGE_MIN_SAMPLES) return undefined
  const p99 = stats.firstByteQuantile(0.99)
  return p99 === undefined ? undefined : Math.max(HEDGE_FLOOR_MS, p99)
}

const averaged = (average: number | undefined, sample: number): number =>
  average === undefined ? sample : average + EWMA_SHARE * (sample - average)

const upTo = (bucket: number): number => 2 ** (bucket / BUCKETS_PER_OCTAVE)

const bucketOf = (ms: number): number =>
  Math.min(BUCKETS - 1, Math.floor(Math.log2(Math.max(1, ms)) * BUCKETS_PER_OCTAVE))
