import type { PeerId } from '@infernet/schemas/peer-id'
import { expect, it } from 'vitest'
import { ManualClock } from '../testing/manual-clock.ts'
import { NO_EARNINGS } from '../testing/memory-earnings.ts'
import { EARNINGS_TTL_MS, RecentEarnings } from './recent-earnings.ts'

const [A, B] = ['12D3KooWa', '12D3KooWb'] as [PeerId, PeerId]

function make() {
  const clock = new ManualClock()
  const reads: PromiseWithResolvers<typeof NO_EARNINGS>[] = []
  const earningsOf = () => {
    const read = Promise.withResolvers<typeof NO_EARNINGS>()
    reads.push(read)
    return read.promise
  }
  return { clock, reads, recent: new RecentEarnings({ earningsOf }, clock.now) }
}

it('a request never waits for what another one asks', async () => {
  const { recent, reads } = make()
  void recent.of(A)
  const second = recent.of(A)
  reads[1]?.resolve(NO_EARNINGS)
  expect(await second).toBe(NO_EARNINGS)
  expect(await recent.of(A)).toBe(NO_EARNINGS)
  expect(reads).toHaveLength(2)
})

it('an older answer that comes late is not kept', async () => {
  const { clock, recent, reads } = make()
  const first = recent.of(A)
  clock.advance(1)
  const second = recent.of(A)
  const latest = { ...NO_EARNINGS, jobs: 1 }
  reads[1]?.resolve(latest)
  await second
  reads[0]?.resolve(NO_EARNINGS)
  expect(await first).toBe(NO_EARNINGS)
  clock.advance(EARNINGS_TTL_MS - 1)
  expect(await recent.of(A)).toBe(latest)
})

it('one provider asks a few times at once, others go on, and what died is forgotten', async () => {
  const { clock, recent, reads } = make()
  for (let i = 0; i < 4; i++) void recent.of(A)
  await expect(recent.of(A)).rejects.toMatchObject({ status: 503 })
  void recent.of(B)
  expect(reads).toHaveLength(5)
  clock.advance(60_000)
  void recent.of(A)
  expect(reads).toHaveLength(6)
})
