import { CanaryError } from './canary-error.ts'

/**
 * `planned`: nobody has seen it. `sent`: its provider has it. `judged`: its answer is evidence. `disclosed`: it may
 * be known to be a canary, by an appeal or a leak, and is of no more use.
 */
export type CanaryState = 'planned' | 'sent' | 'judged' | 'disclosed'
export type CanaryEvent = 'send' | 'judge' | 'disclose'

/** Each is sent once and judged once. A leak can come at any time, and makes an answer to it worthless. */
export const CANARY_TRANSITIONS: Readonly<
  Record<CanaryState, Readonly<Partial<Record<CanaryEvent, CanaryState>>>>
> = {
  planned: { send: 'sent', disclose: 'disclosed' },
  sent: { judge: 'judged', disclose: 'disclosed' },
  judged: { disclose: 'disclosed' },
  disclosed: {},
}

/** The state after `event`. Throws {@link CanaryError} `illegal_move`. */
export function nextCanaryState(state: CanaryState, event: CanaryEvent): CanaryState {
  const next = CANARY_TRANSITIONS[state][event]
  if (next === undefined)
    throw new CanaryError('illegal_move', `a canary that is ${state} cannot ${event}`)
  return next
}
