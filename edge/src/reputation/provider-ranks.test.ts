import type { PeerId } from '@infernet/schemas/peer-id'
import { beforeEach, describe, expect, it } from 'vitest'
import { capabilityOf } from '../testing/test-edge.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { MemoryAudits } from '../testing/memory-audits.ts'
import { MemoryProviders } from '../testing/memory-providers.ts'
import { MemoryStore } from '../testing/memory-store.ts'
import type { ProviderRecord, ProviderStore } from './provider-port.ts'
import { ProviderRanks, RANKS_TTL_MS } from './provider-ranks.ts'

const PEER = '12D3KooWa' as PeerId

describe('ranks', () => {
  let clock: ManualClock
  let memory: MemoryProviders
  let asked: number
  let latest: () => Promise<readonly ProviderRecord[]>
  let ranks: ProviderRanks
  beforeEach(() => {
    clock = new ManualClock()
    memory = new MemoryProviders(
      { store: new MemoryStore(), audits: new MemoryAudits() },
      clock.now,
    )
    memory.seen(PEER, capabilityOf(), clock.now())
    asked = 0
    latest = () => memory.latestProviders()
    const store: ProviderStore = {
      addOnlineTime: (hours) => memory.addOnlineTime(hours),
      findProvider: (id) => memory.findProvider(id),
      announcementOf: (id) => memory.announcementOf(id),
      latestProviders: () => {
        asked++
        return latest()
      },
    }
    ranks = new ProviderRanks({ store, hub: { presenceOf: () => [] }, now: clock.now })
  })

  it('are asked for again after some seconds only', async () => {
    for (let i = 0; i < 3; i++) expect(await ranks.all()).toHaveLength(1)
    expect(asked).toBe(1)
    memory.seen('12D3KooWb' as PeerId, capabilityOf(), clock.now())
    clock.advance(RANKS_TTL_MS)
    expect(await ranks.all()).toHaveLength(2)
    expect(asked).toBe(2)
  })

  it('do not hide who is not among them', async () => {
    latest = async () => []
    expect(await ranks.all()).toEqual([])
    expect((await ranks.find(PEER))?.record.id).toBe(PEER)
    expect(await ranks.find('12D3KooWnobody' as PeerId)).toBeUndefined()
  })

  it('are shown as they were while somebody asks', async () => {
    await ranks.all()
    clock.advance(RANKS_TTL_MS)
    latest = () => new Promise(() => {})
    void ranks.all()
    expect(await ranks.all()).toHaveLength(1)
    expect(asked).toBe(2)
  })

  it('are asked for by few at a time, and again when those have died', async () => {
    latest = () => new Promise(() => {})
    for (let i = 0; i < 4; i++) void ranks.all()
    await expect(ranks.all()).rejects.toMatchObject({ status: 503 })
    expect(asked).toBe(4)
    clock.advance(60_000)
    latest = () => memory.latestProviders()
    expect(await ranks.all()).toHaveLength(1)
  })

  it('fail with what the store says, and then are asked for again', async () => {
    latest = () => Promise.reject(new Error('down'))
    for (let i = 0; i < 9; i++) await expect(ranks.all()).rejects.toThrow('down')
    latest = () => memory.latestProviders()
    expect(await ranks.all()).toHaveLength(1)
  })
})
