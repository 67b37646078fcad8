/** Beyond this many doublings every wait is at its limit, and the power stays exact. */
const MAX_DOUBLINGS = 20

/**
 * Exponential backoff of which half is jitter: ms to wait after `failures` failures (from 0), from
 * `firstMs` doubling up to `maxMs`; `random` is in [0, 1).
 */
export function jitteredBackoffMs(
  { firstMs, maxMs }: { readonly firstMs: number; readonly maxMs: number },
  failures: number,
  random: number,
): number {
  const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(failures, MAX_DOUBLINGS))
  return ceiling * (0.5 + random / 2)
}
