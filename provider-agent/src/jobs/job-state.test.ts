import { describe, expect, it } from 'vitest'
import { isFinal, moveJob, type JobEvent, type JobState } from './job-state.ts'

const STATES: JobState[] = [
  'waiting',
  'answering',
  'flushing',
  'ended',
  'failed',
  'cancelled',
  'lost',
]
const EVENTS: JobEvent[] = ['data', 'finish', 'fail', 'flushed', 'cancel', 'abandon', 'lose']

/** Every pair that means something, written down a second time. */
const LEGAL: readonly (readonly [JobState, JobEvent, JobState])[] = [
  ['waiting', 'data', 'answering'],
  ['waiting', 'finish', 'flushing'],
  ['waiting', 'fail', 'failed'],
  ['waiting', 'cancel', 'cancelled'],
  ['waiting', 'abandon', 'failed'],
  ['waiting', 'lose', 'lost'],
  ['answering', 'data', 'answering'],
  ['answering', 'finish', 'flushing'],
  ['answering', 'fail', 'failed'],
  ['answering', 'cancel', 'cancelled'],
  ['answering', 'abandon', 'failed'],
  ['answering', 'lose', 'lost'],
  ['flushing', 'flushed', 'ended'],
  ['flushing', 'cancel', 'cancelled'],
  ['flushing', 'abandon', 'failed'],
  ['flushing', 'lose', 'lost'],
]

describe('job states', () => {
  it.each(STATES.flatMap((state) => EVENTS.map((event) => [state, event] as const)))(
    '%s × %s',
    (state, event) => {
      const legal = LEGAL.find(([from, by]) => from === state && by === event)
      expect(moveJob(state, event)).toBe(legal?.[2])
    },
  )

  it('calls exactly the states final that nothing leaves', () => {
    for (const state of STATES) {
      const leaves = EVENTS.some((event) => moveJob(state, event) !== undefined)
      expect(isFinal(state)).toBe(!leaves)
    }
  })
})
