import { describe, expect, it } from 'vitest'
import { moveSupervisor, type SupervisorEvent, type SupervisorState } from './supervisor-state.ts'

const STATES: SupervisorState[] = [
  'waiting',
  'starting',
  'up',
  'failing',
  'leaving',
  'resting',
  'returning',
  'stopping',
  'stopped',
]
const EVENTS: SupervisorEvent[] = ['retry', 'healthy', 'hung', 'exited', 'rest', 'wake', 'stop']

const LEGAL: readonly (readonly [SupervisorState, SupervisorEvent, SupervisorState])[] = [
  ['waiting', 'retry', 'starting'],
  ['waiting', 'rest', 'resting'],
  ['waiting', 'stop', 'stopped'],
  ['starting', 'healthy', 'up'],
  ['starting', 'hung', 'failing'],
  ['starting', 'exited', 'waiting'],
  ['starting', 'rest', 'leaving'],
  ['starting', 'stop', 'stopping'],
  ['up', 'hung', 'failing'],
  ['up', 'exited', 'waiting'],
  ['up', 'rest', 'leaving'],
  ['up', 'stop', 'stopping'],
  ['failing', 'exited', 'waiting'],
  ['failing', 'rest', 'leaving'],
  ['failing', 'stop', 'stopping'],
  ['leaving', 'exited', 'resting'],
  ['leaving', 'wake', 'returning'],
  ['leaving', 'stop', 'stopping'],
  ['resting', 'wake', 'waiting'],
  ['resting', 'stop', 'stopped'],
  ['returning', 'exited', 'waiting'],
  ['returning', 'rest', 'leaving'],
  ['returning', 'stop', 'stopping'],
  ['stopping', 'exited', 'stopped'],
]

describe('supervisor states', () => {
  it.each(STATES.flatMap((state) => EVENTS.map((event) => [state, event] as const)))(
    '%s × %s',
    (state, event) => {
      const legal = LEGAL.find(([s, e]) => s === state && e === event)
      expect(moveSupervisor(state, event)).toBe(legal?.[2])
    },
  )
})
