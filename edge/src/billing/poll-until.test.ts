import { expect, it } from 'vitest'
import { pollUntil } from './poll-until.ts'

const counting = () => {
  let reads = 0
  return async () => ++reads
}

it('reads until it is as wanted', async () => {
  expect(await pollUntil({ everyMs: 1, waitMs: 1_000 }, counting(), (reads) => reads === 3)).toBe(3)
})

it('ends with what it read last when the time is over', async () => {
  expect(await pollUntil({ everyMs: 2, waitMs: 8 }, counting(), () => false)).toBe(5)
})

it('looks once when there is no time', async () => {
  expect(await pollUntil({ everyMs: 1, waitMs: 0 }, counting(), () => false)).toBe(1)
})
