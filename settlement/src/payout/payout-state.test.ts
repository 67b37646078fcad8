import type { PayoutState } from '@infernet/schemas/payout-state'
import { describe, expect, it } from 'vitest'
import {
  ATTEMPT_TRANSITIONS,
  nextAttemptState,
  nextPayoutState,
  PAYOUT_TRANSITIONS,
  PayoutStateError,
  type AttemptEvent,
  type AttemptState,
  type PayoutEvent,
} from './payout-state.ts'

const PAYOUT_EVENTS: PayoutEvent[] = ['attempt', 'attempt_failed', 'succeed', 'give_up']
const ATTEMPT_EVENTS: AttemptEvent[] = ['prove', 'refuse']

/** Written out once more, event by event in the order above; `-` is illegal. */
const PAYOUT: Record<PayoutState, string> = {
  open: 'paying - - failed',
  paying: '- open succeeded -',
  succeeded: '- - succeeded -',
  failed: '- - - failed',
}
const ATTEMPT: Record<AttemptState, string> = {
  unresolved: 'succeeded failed',
  succeeded: 'succeeded -',
  failed: '- failed',
}

function pairsOf<State extends string, Event>(expected: Record<State, string>, events: Event[]) {
  return (Object.keys(expected) as State[]).flatMap((state) =>
    expected[state]
      .split(' ')
      .map((next, i) => [state, events[i]!, next] as [State, Event, string]),
  )
}

describe('a payout', () => {
  const pairs = pairsOf(PAYOUT, PAYOUT_EVENTS)

  it.each(pairs)('that is %s, on %s: %s', (state, event, next) => {
    if (next === '-') expect(() => nextPayoutState(state, event)).toThrow(PayoutStateError)
    else expect(nextPayoutState(state, event)).toBe(next)
  })

  it('knows no state or event beyond these', () => {
    expect(pairs).toHaveLength(Object.keys(PAYOUT_TRANSITIONS).length * PAYOUT_EVENTS.length)
    for (const row of Object.values(PAYOUT_TRANSITIONS))
      expect(PAYOUT_EVENTS).toEqual(expect.arrayContaining(Object.keys(row)))
  })
})

describe('an attempt', () => {
  const pairs = pairsOf(ATTEMPT, ATTEMPT_EVENTS)

  it.each(pairs)('that is %s, on %s: %s', (state, event, next) => {
    if (next === '-') expect(() => nextAttemptState(state, event)).toThrow(PayoutStateError)
    else expect(nextAttemptState(state, event)).toBe(next)
  })

  it('knows no state or event beyond these', () => {
    expect(pairs).toHaveLength(Object.keys(ATTEMPT_TRANSITIONS).length * ATTEMPT_EVENTS.length)
    for (const row of Object.values(ATTEMPT_TRANSITIONS))
      expect(ATTEMPT_EVENTS).toEqual(expect.arrayContaining(Object.keys(row)))
  })
})
