import type { ServerResponse } from 'node:http'
import type { Pacing } from './pacing.ts'

/** Runs `step` after `ms`; after 0 in the next turn of the event loop. */
export const later = (ms: number, step: () => void): void =>
  void (ms === 0 ? setImmediate(step) : setTimeout(step, ms))

/**
 * Goes on with a response whose opening is written: a chunk per gap, each made by `chunkAt` from its place when it is
 * its turn, then `closing`. Waits while the client does not read, and stops when it is gone.
 */
export function writePaced(
  response: ServerResponse,
  { chunks, gapMs }: Pacing,
  chunkAt: (place: number) => string,
  closing: string,
): void {
  let sent = 0
  const next = (): void => later(gapMs, step)
  const step = (): void => {
    if (response.destroyed) return
    if (sent === chunks) return void response.end(closing)
    if (response.write(chunkAt(sent++))) next()
    else response.once('drain', next)
  }
  next()
}
