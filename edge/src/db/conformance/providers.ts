import { eq } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { newJobId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import { providers } from '@infernet/schemas/tables'
import type { Capability, Payout } from '@infernet/schemas/wire'
import type { Database } from '@infernet/settlement/db/database'
import { offeredModels, recordProvider } from '../providers.ts'

const at = (second: number) => new Date(second * 1000)
const newPeer = () => `peer-${newJobId(0)}` as PeerId
const offering = (...models: string[]): Capability => ({
  models: models.map((id) => ({
    id,
    context_length: 2048,
    price: { prompt: 1, completion: 1 },
    capabilities: [],
    endpoints: ['chat.completions'],
  })),
  slots: 1,
  data_collection: 'deny',
  engine: 'llama\0-cpp',
  agent: 'test',
})

const seen = (db: Database, id: PeerId, capability: Capability, seenAt: Date) =>
  recordProvider(db, id, { capability }, seenAt)

export function testProviders(open: () => Database): void {
  describe('providers', () => {
    it('keeps the first and the latest sight of each, in whatever order they arrive', async () => {
      const id = newPeer()
      await seen(open(), id, offering('a'), at(2))
      await seen(open(), id, offering('b'), at(3))
      await seen(open(), id, offering('c'), at(1))
      expect(await open().select().from(providers).where(eq(providers.id, id))).toEqual([
        {
          id,
          capability: { ...offering('b'), engine: 'llama-cpp' },
          announcement: null,
          firstSeenAt: at(2),
          lastSeenAt: at(3),
        },
      ])
    })

    it('keeps where its money goes as it said last', async () => {
      const id = newPeer()
      const signed = { issued_at: Date.UTC(2026, 0), signature: 'A'.repeat(86) }
      const to = { kind: 'lightning_address', address: 'a@b.example' } as const
      const first: Payout = { to, ...signed }
      const second: Payout = {
        to: { kind: 'invoice' },
        when: 'threshold',
        threshold_sat: 5,
        ...signed,
      }
      const kept = async () =>
        (await open().select().from(providers).where(eq(providers.id, id)))[0]?.capability
      await seen(open(), id, { ...offering('a'), payout: first }, at(1))
      expect(await kept()).toMatchObject({ payout: first })
      await seen(open(), id, { ...offering('a'), payout: second }, at(2))
      expect(await kept()).toMatchObject({ payout: second })
      await seen(open(), id, offering('a'), at(3))
      expect(await kept()).not.toHaveProperty('payout')
    })

    it('names each model on offer once, the latest seen first, up to a limit', async () => {
      const year = Date.UTC(2100, 0) / 1000
      const [x, y, z] = [newPeer(), newPeer(), newPeer()]
      await seen(open(), newPeer(), offering(x, y), at(year))
      await seen(open(), newPeer(), offering(y, z), at(year + 1))
      expect(await offeredModels(open(), 3)).toEqual([...[y, z].sort(), x])
      expect(await offeredModels(open(), 1)).toHaveLength(1)
    })
  })
}
