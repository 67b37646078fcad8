import { EscrowError } from './escrow-error.ts'

/**
 * `quoted`: the row is there, the node may not know of it. `open`: its hold invoice can be paid. `accepted`:
 * the payment is held, the job may run. `settled`: the money is ours to hand on. `cancelled`: nobody has
 * paid, or the payer has everything back.
 */
export type EscrowState = 'quoted' | 'open' | 'accepted' | 'settled' | 'cancelled'
export type EscrowEvent = 'open' | 'accept' | 'settle' | 'cancel'

/** What is missing cannot happen: no money is settled that was not held, and an end is an end. */
export const ESCROW_TRANSITIONS: Readonly<
  Record<EscrowState, Readonly<Partial<Record<EscrowEvent, EscrowState>>>>
> = {
  quoted: { open: 'open', cancel: 'cancelled' },
  open: { accept: 'accepted', cancel: 'cancelled' },
  accepted: { settle: 'settled', cancel: 'cancelled' },
  settled: {},
  cancelled: {},
}

/** The state after `event`. Throws {@link EscrowError} `illegal_move`. */
export function nextEscrowState(state: EscrowState, event: EscrowEvent): EscrowState {
  const next = ESCROW_TRANSITIONS[state][event]
  if (next === undefined)
    throw new EscrowError('illegal_move', `an escrow that is ${state} cannot ${event}`)
  return next
}

export const isFinished = (state: EscrowState): boolean =>
  state === 'settled' || state === 'cancelled'
