import { expect, it } from 'vitest'
import { forgetOldest } from './forget-oldest.ts'

it('forgets what came first, and nothing while there is room', () => {
  const kept = new Set(['a', 'b', 'c'])
  forgetOldest(kept, 3)
  expect([...kept]).toEqual(['a', 'b', 'c'])
  kept.delete('a')
  kept.add('a')
  forgetOldest(kept, 1)
  expect([...kept]).toEqual(['a'])
  const map = new Map([[1, 'x']])
  forgetOldest(map, 0)
  expect(map.size).toBe(0)
})
