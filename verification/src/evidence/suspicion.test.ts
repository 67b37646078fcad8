import { describe, expect, it } from 'vitest'
import { suspicionOf, type Suspicion } from './suspicion.ts'
import { STARTING_WEALTH } from './wealth.ts'

const logs = (wealth: number): [number, number, number] => {
  const log = Math.log(wealth)
  return [log, log, log]
}

describe('suspicionOf', () => {
  it.each<[lifetime: number, recent: number, Suspicion]>([
    [1, 1, 'clear'],
    [9.9, 9.9, 'clear'],
    [10.1, 10.1, 'watched'],
    [99, 99, 'watched'],
    [101, 101, 'suspended'],
    [9_999, 9_999, 'suspended'],
    [10_001, 10_001, 'accused'],
    [1e-9, 999, 'clear'],
    [1e-9, 1001, 'watched'],
    [1e-9, 1.1e6, 'suspended'],
    [1e-9, 1e12, 'suspended'],
    [101, 1001, 'suspended'],
  ])('of wealth %d, recently %d, is %s', (lifetime, recent, standing) => {
    const wealth = { requests: 1, lifetime: logs(lifetime), recent: logs(recent) }
    expect(suspicionOf(wealth)).toBe(standing)
  })

  it('begins clear', () => {
    expect(suspicionOf(STARTING_WEALTH)).toBe('clear')
  })
})
