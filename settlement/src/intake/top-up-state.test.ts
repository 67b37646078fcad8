import { describe, expect, it } from 'vitest'
import {
  nextTopUpState,
  TOP_UP_TRANSITIONS,
  type TopUpEvent,
  type TopUpState,
} from './top-up-state.ts'

const STATES = Object.keys(TOP_UP_TRANSITIONS) as TopUpState[]
const EVENTS: TopUpEvent[] = ['open', 'settle', 'expire']
const LEGAL = new Map<string, TopUpState>([
  ['requested open', 'open'],
  ['requested settle', 'settled'],
  ['requested expire', 'expired'],
  ['open settle', 'settled'],
  ['open expire', 'expired'],
  ['expired settle', 'settled'],
])

describe("a top-up's states", () => {
  it.each(STATES.flatMap((state) => EVENTS.map((event) => ({ state, event }))))(
    '$state, $event',
    ({ state, event }) => {
      const next = LEGAL.get(`${state} ${event}`)
      if (next !== undefined) expect(nextTopUpState(state, event)).toBe(next)
      else
        expect(() => nextTopUpState(state, event)).toThrow(
          expect.objectContaining({ name: 'IntakeError', code: 'illegal_move' }),
        )
    },
  )
})
