import { jitteredBackoffMs } from '@infernet/settlement/backoff'

const BACKOFF = { firstMs: 1_000, maxMs: 60_000 }
/** An engine that was up this long had no trouble starting. */
const STABLE_MS = 5 * 60_000

/** How many failures in a row this one makes; `upMs` is how long the engine was up before it. */
export const failuresAfter = (failures: number, upMs: number): number =>
  upMs >= STABLE_MS ? 1 : failures + 1

/**
 * Time to wait before a restart, in ms: up to 1 s after the first failure, doubling to 60 s. The
 * upper half of it is chance (`random` in [0, 1)), so that engines which fell together do not load
 * together.
 */
export const restartDelay = (failures: number, random: number): number =>
  Math.round(jitteredBackoffMs(BACKOFF, failures - 1, random))
