import type { HoldResult, RateWindow } from '../ports.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS

/** OpenAI's `x-ratelimit-*` headers of a reserve's result; none for keys without rate limits. */
export function rateLimitHeaders(result: Pick<HoldResult, 'rates'>): Record<string, string> {
  const headers: Record<string, string> = {}
  add(headers, 'requests', result.rates?.requests)
  add(headers, 'tokens', result.rates?.tokens)
  return headers
}

function add(
  headers: Record<string, string>,
  measure: 'requests' | 'tokens',
  window: RateWindow | undefined,
): void {
  if (window === undefined) return
  headers[`x-ratelimit-limit-${measure}`] = String(window.limit)
  headers[`x-ratelimit-remaining-${measure}`] = String(window.remaining)
  headers[`x-ratelimit-reset-${measure}`] = durationText(window.resetMs)
}

/** A duration in OpenAI's words: `12ms`, `1.5s`, `6m0s`, `1h0m0s`. */
export function durationText(ms: number): string {
  if (ms < SECOND_MS) return `${ms}ms`
  const seconds = `${(ms % MINUTE_MS) / SECOND_MS}s`
  if (ms < MINUTE_MS) return seconds
  const minutes = `${Math.floor((ms % HOUR_MS) / MINUTE_MS)}m${seconds}`
  return ms < HOUR_MS ? minutes : `${Math.floor(ms / HOUR_MS)}h${minutes}`
}
