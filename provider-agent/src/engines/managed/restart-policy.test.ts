import { expect, it } from 'vitest'
import { failuresAfter, restartDelay } from './restart-policy.ts'

it('waits up to 1 s, then doubles to 60 s, and begins anew after five minutes up', () => {
  const last = 1 - 1e-9
  expect([1, 2, 3, 6, 7, 1_000].map((n) => restartDelay(n, last))).toEqual([
    1_000, 2_000, 4_000, 32_000, 60_000, 60_000,
  ])
  expect([1, 7].map((n) => restartDelay(n, 0))).toEqual([500, 30_000])
  expect(failuresAfter(6, 299_999)).toBe(7)
  expect(failuresAfter(6, 300_000)).toBe(1)
})
