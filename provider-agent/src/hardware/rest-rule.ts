import type { ClosedBy } from './availability.ts'

/** So long no job must have run before the engine is ended: what has just been let go may be asked for again. */
export const REST_AFTER_MS = 10_000
/** So long jobs must be let in again before it is started: loading a model takes longer. */
export const WAKE_AFTER_MS = 5_000

/**
 * What the engine's memory is given back for. Where somebody else uses the GPU they want it, and hours are long. Heat
 * and power come and go within a minute, and memory does not cause them. Nor is it for want of memory: what the engine
 * gave back would let jobs in again, and when it takes that for them it would be too little again, and so on.
 */
const GIVES_BACK: Readonly<Record<ClosedBy, boolean>> = {
  in_use: true,
  hours: true,
  hot: false,
  power: false,
  memory: false,
}

/** Times of the monotonic clock, in ms. */
export interface RestState {
  readonly isResting: boolean
  /** When a job was last seen to run, or the engine was last woken. */
  readonly workedAt: number
  /** Since when jobs may come in. */
  readonly openSince: number | undefined
}

/** How it is at a moment. */
export interface RestLook {
  /** Of the monotonic clock, in ms. */
  readonly now: number
  readonly closedBy: ClosedBy | undefined
  /** Something of the edge's is in work. */
  readonly isWorking: boolean
}

/** Of an engine that has been started. */
export const awakeSince = (now: number): RestState => ({
  isResting: false,
  workedAt: now,
  openSince: undefined,
})

/** Whether the engine should rest, after what was and what is now. Look a few times a second. */
export function restAfter(before: RestState, { now, closedBy, isWorking }: RestLook): RestState {
  const openSince = closedBy === undefined ? (before.openSince ?? now) : undefined
  const workedAt = isWorking ? now : before.workedAt
  if (before.isResting) {
    const isDue = openSince !== undefined && now - openSince >= WAKE_AFTER_MS
    return isDue
      ? { isResting: false, workedAt: now, openSince }
      : { isResting: true, workedAt, openSince }
  }
  const isWanted = closedBy !== undefined && GIVES_BACK[closedBy]
  return { isResting: isWanted && now - workedAt >= REST_AFTER_MS, workedAt, openSince }
}
