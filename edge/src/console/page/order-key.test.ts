import { describe, expect, it } from 'vitest'
import { OrderKey } from './order-key.ts'

describe('OrderKey', () => {
  it('is the same for the same order until its outcome is known', () => {
    let made = 0
    const keys = new OrderKey(() => String(++made))
    expect(keys.of({ amount_sat: 1 })).toBe('1')
    expect(keys.of({ amount_sat: 1 })).toBe('1')
    expect(keys.of({ amount_sat: 2 })).toBe('2')
    expect(keys.of({ amount_sat: 1 })).toBe('3')
    keys.known()
    expect(keys.of({ amount_sat: 1 })).toBe('4')
  })

  it('is what the API takes, and hard to guess', () => {
    const made = new Set(Array.from({ length: 100 }, () => new OrderKey().of({})))
    expect(made.size).toBe(100)
    for (const key of made) expect(key).toMatch(/^[!-~]{40}$/)
  })
})
