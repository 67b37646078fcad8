import { describe, expect, it } from 'vitest'
import { OrderKey, type KeyStore } from './order-key.ts'

const newStore = (): KeyStore => {
  const items = new Map<string, string>()
  return {
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, value) => void items.set(name, value),
  }
}

describe('OrderKey', () => {
  it('is the same for the same order until its outcome is known, whatever is ordered between', () => {
    let made = 0
    const store = newStore()
    const open = () => new OrderKey('orders', store, () => String(++made))
    const keys = open()
    expect(keys.of({ amount_sat: 1 })).toBe('1')
    expect(keys.of({ amount_sat: 1 })).toBe('1')
    expect(keys.of({ amount_sat: 2 })).toBe('2')
    expect(keys.of({ amount_sat: 1 })).toBe('1')
    // The page is loaded anew.
    expect(open().of({ amount_sat: 1 })).toBe('1')
    open().known({ amount_sat: 1 })
    expect(keys.of({ amount_sat: 1 })).toBe('3')
    expect(keys.of({ amount_sat: 2 })).toBe('2')
  })

  it('is kept for the latest orders', () => {
    const keys = new OrderKey('orders', newStore())
    const [oldest, latest] = [keys.of({ n: 0 }), keys.of({ n: 1 })]
    for (let n = 2; n <= 16; n++) keys.of({ n })
    expect(keys.of({ n: 1 })).toBe(latest)
    expect(keys.of({ n: 0 })).not.toBe(oldest)
  })

  it('is what the API takes, and hard to guess', () => {
    const made = new Set(
      Array.from({ length: 100 }, () => new OrderKey('orders', newStore()).of({})),
    )
    expect(made.size).toBe(100)
    for (const key of made) expect(key).toMatch(/^[!-~]{40}$/)
  })
})
