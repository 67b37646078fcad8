import { setTimeout as sleep } from 'node:timers/promises'
import { LightningError } from '../lightning/lightning-error.ts'
import { Killed, type CrashPoints } from './crash-points.ts'

/** A call to the node takes longer. */
const LOOK_MS = 1

/**
 * Something runs while a story is told with it, until the story is over or `points` kill it. Throws what the
 * two throw, apart from being killed.
 */
export async function liveUntilKilled(
  points: CrashPoints,
  run: (signal: AbortSignal) => Promise<void>,
  tell: () => Promise<void>,
): Promise<void> {
  const stop = new AbortController()
  const running = run(stop.signal)
  await ignoringDeath(Promise.race([tell(), points.killed, running]))
  stop.abort()
  await ignoringDeath(running)
}

async function ignoringDeath(work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof Killed)) throw error
  }
}

/** Asks as a client would that does not know what became of its request. */
export async function insisting<T>(ask: () => Promise<T>): Promise<T> {
  for (;;)
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof LightningError) || error.code !== 'unavailable') throw error
    }
}

/** Waits until `reached`, or the end of whoever would get there. */
export async function awaiting(
  points: CrashPoints,
  reached: () => Promise<boolean>,
): Promise<void> {
  while (!points.dead && !(await reached())) await sleep(LOOK_MS)
}
