import type { AttemptDraft } from './payout-store.ts'

/** The points between which a payout can be interrupted, in order. */
export const PAYOUT_STEPS = [
  'opening',
  'opened',
  'asking',
  'asked',
  'recording',
  'recorded',
  'paying',
  'paid',
  'tracking',
  'tracked',
  'succeeding',
  'succeeded',
  'failing',
  'attempt_failed',
  'giving_up',
  'given_up',
] as const
export type PayoutStep = (typeof PAYOUT_STEPS)[number]

/** What goes on that is not the end of a payout. */
export type PayoutNotice =
  /** Nobody knows what became of an attempt; it is asked again. */
  | { readonly kind: 'unknown'; readonly attempt: AttemptDraft; readonly reason: string }
  /** The store, the node or whoever was asked did not do it; it is done again. */
  | { readonly kind: 'stumbled'; readonly payout: string; readonly error: unknown }

/** Everything that the engine takes from the world, beside the node and the store. */
export interface PayoutHooks {
  /** Unix milliseconds. */
  readonly now: () => number
  /** In [0, 1). */
  readonly random: () => number
  /** Rejects when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  readonly report?: (notice: PayoutNotice) => void
  /** Called at each step; a test kills the engine by throwing. */
  readonly at?: (step: PayoutStep) => void
}
