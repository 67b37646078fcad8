import { describe, expect, it } from 'vitest'
import {
  ATTEMPT_TRANSITIONS,
  AttemptError,
  nextAttemptState,
  type AttemptEvent,
  type AttemptState,
} from './attempt-state.ts'

const EVENTS: AttemptEvent[] = [
  'accept',
  'busy',
  'head',
  'data',
  'end',
  'error',
  'cancel',
  'timeout',
  'lost',
]

/** Written out once more, event by event in the order above; `-` is illegal. */
const EXPECTED: Record<AttemptState, string> = {
  offered: 'accepted closed - - - closed cancelling closed closed',
  accepted: '- - answering - - closed cancelling closed closed',
  answering: '- - - answering closed closed cancelling closed closed',
  cancelling: 'cancelling closed cancelling cancelling closed closed cancelling closed closed',
  closed: '- - - - - - - - -',
}

const pairs = Object.entries(EXPECTED).flatMap(([state, row]) =>
  row
    .split(' ')
    .map(
      (next, i) =>
        [state as AttemptState, EVENTS[i]!, next] as [AttemptState, AttemptEvent, string],
    ),
)

describe('an attempt', () => {
  it.each(pairs)('that is %s, on %s: %s', (state, event, next) => {
    if (next === '-') expect(() => nextAttemptState(state, event)).toThrow(AttemptError)
    else expect(nextAttemptState(state, event)).toBe(next)
  })

  it('knows no state or event beyond these', () => {
    expect(pairs).toHaveLength(Object.keys(ATTEMPT_TRANSITIONS).length * EVENTS.length)
    for (const row of Object.values(ATTEMPT_TRANSITIONS)) {
      expect(EVENTS).toEqual(expect.arrayContaining(Object.keys(row)))
    }
  })

  it('can be ended by us in every state but closed', () => {
    for (const state of ['offered', 'accepted', 'answering', 'cancelling'] as const) {
      for (const event of ['timeout', 'lost'] as const) {
        expect(nextAttemptState(state, event)).toBe('closed')
      }
    }
  })
})
