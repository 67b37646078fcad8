import { describe, expect, it } from 'vitest'
import {
  ESCROW_TRANSITIONS,
  isFinished,
  nextEscrowState,
  type EscrowEvent,
  type EscrowState,
} from './escrow-state.ts'

const STATES = Object.keys(ESCROW_TRANSITIONS) as EscrowState[]
const EVENTS: EscrowEvent[] = ['open', 'accept', 'settle', 'cancel']
const LEGAL = new Map<string, EscrowState>([
  ['quoted open', 'open'],
  ['quoted cancel', 'cancelled'],
  ['open accept', 'accepted'],
  ['open cancel', 'cancelled'],
  ['accepted settle', 'settled'],
  ['accepted cancel', 'cancelled'],
])

describe("an escrow's states", () => {
  it.each(STATES.flatMap((state) => EVENTS.map((event) => ({ state, event }))))(
    '$state, $event',
    ({ state, event }) => {
      const next = LEGAL.get(`${state} ${event}`)
      if (next !== undefined) expect(nextEscrowState(state, event)).toBe(next)
      else
        expect(() => nextEscrowState(state, event)).toThrow(
          expect.objectContaining({ name: 'EscrowError', code: 'illegal_move' }),
        )
    },
  )

  it('end where nothing follows', () => {
    for (const state of STATES)
      expect(isFinished(state)).toBe(Object.keys(ESCROW_TRANSITIONS[state]).length === 0)
  })
})
