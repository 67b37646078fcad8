import { decay } from './decayed-counts.ts'

/** 3 d: a night off is seen, and forgotten within a week. */
export const UPTIME_HALF_LIFE_MS = 3 * 86_400_000

/**
 * The share of time that a provider is there, 0 to 1, recent time counting more. `wasUp`: whether it was
 * for the `elapsedMs` since the last look. However often one looks, the result is the same.
 */
export function nextUptime(uptime: number, wasUp: boolean, elapsedMs: number): number {
  const left = decay(elapsedMs, UPTIME_HALF_LIFE_MS)
  return uptime * left + (wasUp ? 1 - left : 0)
}
