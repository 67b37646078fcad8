import type { RateWindow } from '../ports.ts'

const MINUTE_MS = 60_000

/** What a job may give back at most, in parts. */
export interface Share {
  parts: number
}

/**
 * A bucket that holds at most `limit` and refills evenly, `limit` a minute. `level` is in parts of
 * 1/60,000: a millisecond adds exactly `limit` parts, so that no refill is ever rounded.
 */
export interface TokenBucket {
  limit: number
  level: number
  /** ms since the epoch: when `level` was right. */
  at: number
  /**
   * What jobs have taken and may give back, oldest first; together never more than the bucket has
   * room for. A job that ran while the bucket filled up has less to give back: had it not taken what
   * it did not use, that would have overflowed.
   */
  readonly shares: Set<Share>
  /** Sum of `shares`. */
  shared: number
}

export const fullBucket = (limit: number, now: number): TokenBucket => ({
  limit,
  level: limit * MINUTE_MS,
  at: now,
  shares: new Set(),
  shared: 0,
})

/**
 * Adds what has flowed in until `now`. A changed limit keeps what has been used: raising it by ten
 * makes ten more available at once. A clock that goes back adds nothing.
 */
export function refill(bucket: TokenBucket, limit: number, now: number): void {
  const elapsed = Math.max(0, now - bucket.at)
  bucket.level = Math.min(bucket.level + elapsed * bucket.limit, bucket.limit * MINUTE_MS)
  bucket.at = now
  bucket.level += (limit - bucket.limit) * MINUTE_MS
  bucket.limit = limit
  let overflow = bucket.shared - (limit * MINUTE_MS - bucket.level)
  for (const share of bucket.shares) {
    if (overflow <= 0) return
    const lost = Math.min(share.parts, overflow)
    share.parts -= lost
    bucket.shared -= lost
    overflow -= lost
    if (share.parts === 0) bucket.shares.delete(share)
  }
}

/**
 * 0 when `amount` may be taken, else the ms until it may. What is larger than the bucket is let
 * through when the bucket is full, or it never would be; the debt is paid by those who come next.
 */
export function waitMs(bucket: TokenBucket, amount: number): number {
  const missing = Math.min(amount, bucket.limit) * MINUTE_MS - bucket.level
  return missing <= 0 ? 0 : Math.ceil(missing / bucket.limit)
}

/** Takes `amount` for good. */
export function take(bucket: TokenBucket, amount: number): void {
  bucket.level -= amount * MINUTE_MS
}

/** Takes `amount`, some of which {@link giveBack} may return. */
export function borrow(bucket: TokenBucket, amount: number): Share {
  take(bucket, amount)
  const share = { parts: amount * MINUTE_MS }
  restore(bucket, share)
  return share
}

/** Ends a share that still counts, returning what was not used as far as that is possible. */
export function giveBack(bucket: TokenBucket, share: Share, unused: number): number {
  const returned = Math.min(unused * MINUTE_MS, share.parts)
  if (bucket.shares.delete(share)) bucket.shared -= share.parts
  bucket.level += returned
  return returned
}

/** Counts a share (again). */
export function restore(bucket: TokenBucket, share: Share): void {
  bucket.shares.add(share)
  bucket.shared += share.parts
}

export const isFull = (bucket: TokenBucket): boolean => bucket.level >= bucket.limit * MINUTE_MS

export const windowOf = (bucket: TokenBucket): RateWindow => ({
  limit: bucket.limit,
  remaining: Math.max(0, Math.floor(bucket.level / MINUTE_MS)),
  resetMs: Math.ceil((bucket.limit * MINUTE_MS - bucket.level) / bucket.limit),
})
