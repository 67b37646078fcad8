import type { PayoutState } from '@infernet/schemas/payout-state'

export type PayoutEvent = 'attempt' | 'attempt_failed' | 'succeed' | 'give_up'

/**
 * `unresolved` from before it is sent until the node says what became of it: there is no telling a payment
 * that was never sent from one that is on its way.
 */
export type AttemptState = 'unresolved' | 'succeeded' | 'failed'
export type AttemptEvent = 'prove' | 'refuse'

/** What is absent is illegal. Money goes back to its owner on `give_up` only, never while `paying`. */
export const PAYOUT_TRANSITIONS: Record<PayoutState, Partial<Record<PayoutEvent, PayoutState>>> = {
  open: { attempt: 'paying', give_up: 'failed' },
  paying: { attempt_failed: 'open', succeed: 'succeeded' },
  succeeded: { succeed: 'succeeded' },
  failed: { give_up: 'failed' },
}

/** What is absent is illegal. A node may say the end twice, but never two ends. */
export const ATTEMPT_TRANSITIONS: Record<
  AttemptState,
  Partial<Record<AttemptEvent, AttemptState>>
> = {
  unresolved: { prove: 'succeeded', refuse: 'failed' },
  succeeded: { prove: 'succeeded' },
  failed: { refuse: 'failed' },
}

export class PayoutStateError extends Error {
  override readonly name = 'PayoutStateError'
  readonly code = 'illegal_transition'
}

/** The next state. Throws {@link PayoutStateError} on a move the table does not have. */
export const nextPayoutState = (state: PayoutState, event: PayoutEvent): PayoutState =>
  legal(PAYOUT_TRANSITIONS[state][event], `'${event}' for a payout that is ${state}`)

/** The next state. Throws {@link PayoutStateError} on a move the table does not have. */
export const nextAttemptState = (state: AttemptState, event: AttemptEvent): AttemptState =>
  legal(ATTEMPT_TRANSITIONS[state][event], `'${event}' for an attempt that is ${state}`)

function legal<State>(next: State | undefined, move: string): State {
  if (next === undefined) throw new PayoutStateError(`Illegal: ${move}`)
  return next
}
