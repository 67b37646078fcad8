import { expect, it } from 'vitest'
import { CAPABILITY_PERIOD_MS, CapabilityPace, MAX_CAPABILITY_CHANGES } from './capability-pace.ts'

/** How many of so many records at once are taken. */
const taken = (pace: CapabilityPace, now: number): number =>
  Array.from({ length: 2 * MAX_CAPABILITY_CHANGES }, () => pace.take(now)).filter(Boolean).length

it('takes so many capability records in a period, which the first one begins', () => {
  const pace = new CapabilityPace()
  expect(taken(pace, 1_000)).toBe(MAX_CAPABILITY_CHANGES)
  expect(taken(pace, 1_000 + CAPABILITY_PERIOD_MS - 1)).toBe(0)
  expect(taken(pace, 1_000 + CAPABILITY_PERIOD_MS)).toBe(MAX_CAPABILITY_CHANGES)
})
