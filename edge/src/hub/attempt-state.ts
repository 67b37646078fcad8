/** One attempt: one lease of one job on one provider. */
export type AttemptState = 'offered' | 'accepted' | 'answering' | 'cancelling' | 'closed'

export type AttemptEvent =
  | 'accept'
  | 'busy'
  | 'head'
  | 'data'
  | 'end'
  | 'error'
  | 'cancel'
  | 'timeout'
  | 'lost'

/** What is absent is illegal: the provider broke the protocol and its connection is closed. */
export const ATTEMPT_TRANSITIONS: Record<
  AttemptState,
  Partial<Record<AttemptEvent, AttemptState>>
> = {
  offered: {
    accept: 'accepted',
    busy: 'closed',
    error: 'closed',
    cancel: 'cancelling',
    timeout: 'closed',
    lost: 'closed',
  },
  accepted: {
    head: 'answering',
    error: 'closed',
    cancel: 'cancelling',
    timeout: 'closed',
    lost: 'closed',
  },
  answering: {
    data: 'answering',
    end: 'closed',
    error: 'closed',
    cancel: 'cancelling',
    timeout: 'closed',
    lost: 'closed',
  },
  // What was under way when our cancel crossed it on the wire is legal and ignored.
  cancelling: {
    accept: 'cancelling',
    busy: 'closed',
    head: 'cancelling',
    data: 'cancelling',
    end: 'closed',
    error: 'closed',
    cancel: 'cancelling',
    timeout: 'closed',
    lost: 'closed',
  },
  closed: {},
}

export class AttemptError extends Error {
  override readonly name = 'AttemptError'
  readonly code = 'illegal_transition'
}

/** The next state. Throws {@link AttemptError} on a move the table does not have. */
export function nextAttemptState(state: AttemptState, event: AttemptEvent): AttemptState {
  const next = ATTEMPT_TRANSITIONS[state][event]
  if (next === undefined)
    throw new AttemptError(`'${event}' is illegal for a lease that is ${state}`)
  return next
}
