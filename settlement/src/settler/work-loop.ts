import { jitteredBackoffMs } from '../backoff.ts'
import { LeaseError } from './settler-lease.ts'

/** What cannot be asked now is asked again soon: somebody may be waiting for an invoice. */
const BACKOFF = { firstMs: 250, maxMs: 15_000 }
/** Between two pages however often it is rung: each costs the database a question or two. */
const REST_MS = 50

/**
 * Between two pages that nobody rang for. Whoever writes a row that is work for a loop rings, here or at the
 * edge; this is for rings that were lost, and eight loops at this pace are no load for a database.
 */
export const ROUND_MS = 5_000

/** A page of work, repeated: each page reads what there is and ends by itself. */
export interface WorkLoop {
  /** For logs and metrics. */
  readonly name: string
  /** Between two pages when nothing wakes it, ms. */
  readonly pauseMs: number
  /** Returns whether there may be more to do right now. */
  page(signal: AbortSignal): Promise<boolean>
}

export interface LoopRim {
  /** In [0, 1). */
  readonly random: () => number
  /** Returns after `ms`, or as soon as `signal` aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** A page failed as a whole; it is tried again. */
  readonly stumbled: (loop: string, error: unknown) => void
}

/** Ends the pauses of all loops that share it. */
export class Alarm {
  #ring = new AbortController()
  #rings = 0

  /** How often it has rung. */
  get rings(): number {
    return this.#rings
  }

  ring(): void {
    this.#rings++
    this.#ring.abort()
    this.#ring = new AbortController()
  }

  /** Aborts at the next ring. */
  get next(): AbortSignal {
    return this.#ring.signal
  }
}

/**
 * Does pages until `signal` aborts: at once while there is more, else at the next ring or after the pause.
 * An error is followed by a backoff, which no ring ends. Throws `LeaseError` only.
 */
export async function runLoop(
  loop: WorkLoop,
  alarm: Alarm,
  rim: LoopRim,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0
  while (!signal.aborted) {
    // What rings while a page is done is a reason for the next.
    const rings = alarm.rings
    try {
      const more = await loop.page(signal)
      failures = 0
      if (more) continue
      await rim.sleep(REST_MS, signal)
      if (alarm.rings === rings)
        await rim.sleep(loop.pauseMs, AbortSignal.any([signal, alarm.next]))
    } catch (error) {
      if (error instanceof LeaseError) throw error
      if (signal.aborted) return
      rim.stumbled(loop.name, error)
      await rim.sleep(jitteredBackoffMs(BACKOFF, failures++, rim.random()), signal)
    }
  }
}
