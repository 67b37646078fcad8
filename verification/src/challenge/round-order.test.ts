import { describe, expect, it } from 'vitest'
import { roundOrder } from './round-order.ts'

describe('the order of rounds', () => {
  it('is each of the six equally often', () => {
    const counts = new Map<string, number>()
    const draws = 600
    for (let i = 0; i < draws; i++) {
      const order = roundOrder(i / draws)
      expect(new Set(order).size).toBe(3)
      counts.set(order.join(), (counts.get(order.join()) ?? 0) + 1)
    }
    expect([...counts.values()]).toEqual(Array.from({ length: 6 }, () => draws / 6))
  })
})
