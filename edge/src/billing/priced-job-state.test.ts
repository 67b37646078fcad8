import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { afterJobEvent, isJobOver, type PricedJobState } from './priced-job-state.ts'

const EVENTS = ['claim', 'complete', 'fail', 'withdraw'] as const

describe('the states of a job of a fixed price', () => {
  it('are these', () => {
    const states = ['quoted', 'running', 'completed', 'failed', 'withdrawn'] as const
    expect(states.map((state) => EVENTS.map((event) => afterJobEvent(state, event)))).toEqual([
      ['running', undefined, undefined, 'withdrawn'],
      ['running', 'completed', 'failed', 'withdrawn'],
      [undefined, undefined, undefined, undefined],
      [undefined, undefined, undefined, undefined],
      [undefined, undefined, undefined, undefined],
    ])
  })

  it('end at most once, and complete only what was claimed', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 12 }), (events) => {
        let state: PricedJobState = 'quoted'
        let [ends, claims] = [0, 0]
        for (const event of events) {
          const next: PricedJobState | undefined = afterJobEvent(state, event)
          if (next === undefined) continue
          if (event === 'claim') claims++
          if (isJobOver(next)) ends++
          state = next
        }
        expect(ends).toBe(isJobOver(state) ? 1 : 0)
        if (state === 'completed' || state === 'failed') expect(claims).toBeGreaterThan(0)
      }),
    )
  })
})
