import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { backoffMs } from './limits.ts'

it('waits longer each time, at most a minute, and not in step with others', () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(fc.nat(), random, random, (round, a, b) => {
      const wait = backoffMs(round, a)
      expect(wait).toBeGreaterThanOrEqual(125)
      expect(wait).toBeLessThanOrEqual(60_000)
      expect(backoffMs(round + 2, b)).toBeGreaterThanOrEqual(Math.min(wait, 30_000))
    }),
  )
})
