import type { HoldRefusal, HoldRequest, Limits, RateWindow, RateWindows } from '../ports.ts'
import {
  borrow,
  fullBucket,
  giveBack,
  isFull,
  refill,
  restore,
  take,
  waitMs,
  windowOf,
  type Share,
  type TokenBucket,
} from './token-bucket.ts'

/**
 * Keys and accounts with a rate limit that are remembered: twice the keys that one isolate caches,
 * some 4 MB. One more is refused until another's buckets are full again and can be forgotten.
 */
export const MAX_RATED = 20_000
/** How long after a vain search for forgettable buckets the next one is made. */
const SEARCH_INTERVAL_MS = 1_000

type Scope = 'key' | 'account'
type Measure = 'requests' | 'tokens'
type Buckets = { [M in Measure]?: TokenBucket }

const SCOPES = ['key', 'account'] as const
const REASONS = { requests: 'rate_limit_requests', tokens: 'rate_limit_tokens' } as const

/** Whether a request meets a rate limit at all; one that does not pays nothing for them. */
export const isRated = ({ key, account }: Limits): boolean =>
  key.requestsPerMinute !== null ||
  key.tokensPerMinute !== null ||
  account.requestsPerMinute !== null ||
  account.tokensPerMinute !== null

/**
 * Requests and tokens a minute, per key and per account, as token buckets in memory: after a restart
 * they are full. A job takes one request and the most tokens that it can use; when it ends, the
 * tokens that it did not use come back. So what is let through within any span of time uses at most
 * the limit (or one larger request) and what has flowed in during that span.
 */
export class RateLimits {
  readonly #rated = new Map<string, Buckets>()
  /** By job; as many as there are open holds of rated keys. */
  readonly #taken = new Map<string, Taken>()
  /** What undoes the changes of the transaction under way, oldest first. */
  readonly #undo: (() => void)[] = []
  #nextSearch = 0

  /** Why a job may not start now, if so. Changes nothing that is used. */
  refusal(request: HoldRequest, now: number): HoldRefusal | undefined {
    if (this.#taken.has(request.job)) return undefined
    for (const measure of ['requests', 'tokens'] as const) {
      const amount = measure === 'requests' ? 1 : request.tokens
      for (const scope of SCOPES) {
        const limit = limitOf(request.limits, scope, measure)
        if (limit === null) continue
        const bucket = this.#bucket(idOf(request, scope), measure, limit, now)
        if (bucket === undefined) return { reason: 'backlog' }
        const retryAfterMs = waitMs(bucket, amount)
        if (retryAfterMs > 0) return { reason: REASONS[measure], scope, limit, retryAfterMs }
      }
    }
    return undefined
  }

  /** Takes what {@link refusal} has let through. */
  take(request: HoldRequest): void {
    const { job, tokens, limits } = request
    const loans: Loan[] = []
    for (const scope of SCOPES) {
      const buckets = this.#rated.get(idOf(request, scope))
      if (buckets?.requests !== undefined && limits[scope].requestsPerMinute !== null) {
        this.#takeOne(buckets.requests)
      }
      if (buckets?.tokens !== undefined && limits[scope].tokensPerMinute !== null) {
        loans.push(this.#borrow(buckets.tokens, tokens))
      }
    }
    this.#taken.set(job, { tokens, loans })
    this.#undo.push(() => this.#taken.delete(job))
  }

  #takeOne(bucket: TokenBucket): void {
    take(bucket, 1)
    this.#undo.push(() => take(bucket, -1))
  }

  #borrow(bucket: TokenBucket, tokens: number): Loan {
    const loan = { bucket, share: borrow(bucket, tokens) }
    this.#undo.push(() => {
      giveBack(bucket, loan.share, 0)
      take(bucket, -tokens)
    })
    return loan
  }

  /** A job has ended and used so many tokens; the rest comes back. Unknown jobs took none. */
  giveBack(job: string, used: number, now: number): void {
    const taken = this.#taken.get(job)
    if (taken === undefined) return
    this.#taken.delete(job)
    this.#undo.push(() => this.#taken.set(job, taken))
    const unused = Math.max(0, taken.tokens - used)
    for (const { bucket, share } of taken.loans) {
      refill(bucket, bucket.limit, now)
      const returned = giveBack(bucket, share, unused)
      this.#undo.push(() => {
        bucket.level -= returned
        restore(bucket, share)
      })
    }
  }

  /** What is left, for a request's headers. */
  windows(ids: RatedIds, limits: Limits, now: number): RateWindows {
    const key = this.scopeWindows(ids, limits, 'key', now)
    const account = this.scopeWindows(ids, limits, 'account', now)
    const requests = tighter(key.requests, account.requests)
    const tokens = tighter(key.tokens, account.tokens)
    return {
      ...(requests === undefined ? {} : { requests }),
      ...(tokens === undefined ? {} : { tokens }),
    }
  }

  /** The same of the key or the account alone. */
  scopeWindows(ids: RatedIds, limits: Limits, scope: Scope, now: number): RateWindows {
    const windows: { [M in Measure]?: RateWindow } = {}
    for (const measure of ['requests', 'tokens'] as const) {
      const limit = limitOf(limits, scope, measure)
      if (limit === null) continue
      const bucket = this.#rated.get(idOf(ids, scope))?.[measure] ?? fullBucket(limit, now)
      refill(bucket, limit, now)
      windows[measure] = windowOf(bucket)
    }
    return windows
  }

  /** The transaction under way has been committed. */
  committed(): void {
    this.#undo.length = 0
  }

  /** It has been rolled back: so is everything here that it changed. */
  rolledBack(): void {
    for (const undo of this.#undo.toReversed()) undo()
    this.#undo.length = 0
  }

  /** Keys and accounts remembered now. */
  get size(): number {
    return this.#rated.size
  }

  /** The bucket, filled up to `now`; undefined when there is no room for a new one. */
  #bucket(id: string, measure: Measure, limit: number, now: number): TokenBucket | undefined {
    let buckets = this.#rated.get(id)
    if (buckets === undefined) {
      if (this.#rated.size >= MAX_RATED) this.#forgetFull(now)
      if (this.#rated.size >= MAX_RATED) return undefined
      buckets = {}
      this.#rated.set(id, buckets)
    }
    const bucket = (buckets[measure] ??= fullBucket(limit, now))
    refill(bucket, limit, now)
    return bucket
  }

  /** A bucket that is full again says no more than one that is not there. */
  #forgetFull(now: number): void {
    if (now < this.#nextSearch) return
    for (const [id, { requests, tokens }] of this.#rated) {
      if (fullAt(requests, now) && fullAt(tokens, now)) this.#rated.delete(id)
    }
    if (this.#rated.size >= MAX_RATED) this.#nextSearch = now + SEARCH_INTERVAL_MS
  }
}

interface Loan {
  readonly bucket: TokenBucket
  readonly share: Share
}

/** What a job has taken. */
interface Taken {
  readonly tokens: number
  readonly loans: readonly Loan[]
}

interface RatedIds {
  readonly accountId: string
  readonly apiKeyId: string
}

const idOf = (ids: RatedIds, scope: Scope): string =>
  scope === 'key' ? ids.apiKeyId : ids.accountId

const limitOf = (limits: Limits, scope: Scope, measure: Measure): number | null =>
  measure === 'requests' ? limits[scope].requestsPerMinute : limits[scope].tokensPerMinute

function fullAt(bucket: TokenBucket | undefined, now: number): boolean {
  if (bucket === undefined) return true
  refill(bucket, bucket.limit, now)
  return isFull(bucket)
}

function tighter(a: RateWindow | undefined, b: RateWindow | undefined): RateWindow | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return b.remaining < a.remaining ? b : a
}
