import { expect, it } from 'vitest'
import { wakingStore } from './waking-store.ts'

it('wakes the settler for captured jobs, once a second', async () => {
  let now = 0
  let wakes = 0
  const written: number[] = []
  const store = wakingStore(
    { writeLedgerEvents: async ({ records }) => void written.push(records.length) },
    { wake: () => void wakes++ },
    () => now,
  )
  await store.writeLedgerEvents({ deposits: [], records: [] })
  expect(wakes).toBe(0)
  for (const at of [0, 1, 999, 1_000]) {
    now = at
    await store.writeLedgerEvents({ deposits: [], records: ['{}'] })
  }
  expect([wakes, written]).toEqual([2, [0, 1, 1, 1, 1]])
})
