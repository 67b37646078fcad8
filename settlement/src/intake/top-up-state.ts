import { IntakeError } from './intake-error.ts'

/**
 * `requested`: the row is there, the node may not know of it. `open`: its invoice can be paid. `settled`:
 * paid and credited. `expired`: nobody can pay it any more, as far as the node has said.
 */
export type TopUpState = 'requested' | 'open' | 'settled' | 'expired'
export type TopUpEvent = 'open' | 'settle' | 'expire'

/**
 * What is missing cannot happen. Money has the last word: whatever we believed, what is paid is credited,
 * so `settle` is legal until it has happened.
 */
export const TOP_UP_TRANSITIONS: Readonly<
  Record<TopUpState, Readonly<Partial<Record<TopUpEvent, TopUpState>>>>
> = {
  requested: { open: 'open', settle: 'settled', expire: 'expired' },
  open: { settle: 'settled', expire: 'expired' },
  settled: {},
  expired: { settle: 'settled' },
}

/** The state after `event`. Throws {@link IntakeError} `illegal_move`. */
export function nextTopUpState(state: TopUpState, event: TopUpEvent): TopUpState {
  const next = TOP_UP_TRANSITIONS[state][event]
  if (next === undefined)
    throw new IntakeError('illegal_move', `a top-up that is ${state} cannot ${event}`)
  return next
}
