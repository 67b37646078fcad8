import { jitteredBackoffMs } from '../backoff.ts'
import { LightningError } from '../lightning/lightning-error.ts'
import type { DeskRim } from './desk-rim.ts'
import { IntakeError } from './intake-error.ts'

/** A node that restarts is back within seconds. */
const FIRST_BACKOFF_MS = 200
/** An operator who starts the node again should not wait long for its money. */
export const MAX_BACKOFF_MS = 30_000
const BACKOFF = { firstMs: FIRST_BACKOFF_MS, maxMs: MAX_BACKOFF_MS }

/** Whole ms before the next try; `random` in [0, 1). */
export const backoffMs = (failures: number, random: number): number =>
  Math.round(jitteredBackoffMs(BACKOFF, failures, random))

/** Whether it goes away by itself: the node or the store could not be asked. */
export function isPassing(error: unknown): boolean {
  if (error instanceof LightningError)
    return error.code === 'unavailable' || error.code === 'timeout'
  return error instanceof IntakeError && error.code === 'store_unavailable'
}

/**
 * Does `work` again and again until `signal` aborts, after `pauseMs` or, when node or store could not be
 * asked, after a backoff. `work` calls `progress` when it gets on, which ends the row of failures.
 * Throws what does not go away by itself.
 */
export async function repeat(
  rim: DeskRim,
  signal: AbortSignal,
  pauseMs: number,
  work: (progress: () => void) => Promise<void>,
): Promise<void> {
  let failures = 0
  while (!signal.aborted) {
    let pause = pauseMs
    try {
      await work(() => (failures = 0))
      failures = 0
    } catch (error) {
      if (signal.aborted) return
      if (!isPassing(error)) throw error
      pause = backoffMs(failures++, rim.random())
    }
    if (!signal.aborted) await rim.sleep(pause, signal)
  }
}

/** Runs all until `signal` aborts. When one throws the others are stopped, and it is thrown. */
export async function together(
  signal: AbortSignal,
  tasks: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const stop = new AbortController()
  const both = AbortSignal.any([signal, stop.signal])
  const running = tasks.map(async (task) => {
    try {
      await task(both)
    } finally {
      stop.abort()
    }
  })
  const failed = (await Promise.allSettled(running)).find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
}
