import { MAX_CLOCK_SKEW_MS } from '@infernet/schemas/limits'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clockFinding } from './edge-clock.ts'

/** What is read when the edge's clock is `skew` ms behind ours, and its answer was `there` ms on its way. */
const reading = (skew: number, there: number, back: number) => {
  const sentAt = 1_800_000_000_123
  const edge = Math.floor((sentAt + there - skew) / 1000) * 1000
  return { sentAt, receivedAt: sentAt + there + back, edge }
}
const way = fc.integer({ min: 0, max: 8_000 })

describe('clockFinding', () => {
  it('never blames a clock that is right, however slow the line', () => {
    fc.assert(
      fc.property(way, way, (there, back) => {
        expect(clockFinding(reading(0, there, back)).outcome).toBe('ok')
      }),
    )
  })

  it('finds a clock that no login would be taken with, ahead or behind', () => {
    const far = fc.integer({ min: MAX_CLOCK_SKEW_MS + 20_000, max: 1e9 })
    fc.assert(
      fc.property(far, fc.boolean(), way, way, (by, isAhead, there, back) => {
        const finding = clockFinding(reading(isAhead ? by : -by, there, back))
        expect(finding.outcome).toBe('failed')
        expect(finding.said).toContain(isAhead ? 'ahead of' : 'behind')
      }),
    )
  })

  it('warns before that', () => {
    expect(clockFinding(reading(MAX_CLOCK_SKEW_MS / 2, 10, 10))).toMatchObject({
      outcome: 'warning',
      said: '30 s ahead of the edge’s',
      fix: 'timedatectl set-ntp true',
    })
  })
})
