import type { EdgeContext } from '../services.ts'

/** Lets work end although its client is gone; a Worker would be stopped. Node needs no such word. */
export function outlast(c: EdgeContext, work: void | Promise<unknown>): void {
  if (!(work instanceof Promise)) return
  let context: { waitUntil(work: Promise<unknown>): void }
  try {
    context = c.executionCtx
  } catch {
    // Hono throws where the host has no such thing.
    return
  }
  context.waitUntil(work)
}
