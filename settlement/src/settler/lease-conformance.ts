import { sql } from 'drizzle-orm'
import { beforeEach, describe, expect, it } from 'vitest'
import { askRows, type Database } from '../db/database.ts'
import { DEFAULT_LEASE_MS, SettlerLease } from './settler-lease.ts'

const NODE = { pubkey: `03${'1'.repeat(64)}`, network: 'regtest', simulated: true } as const

/** Several settlers and one row, on a real database. */
export function testSettlerLease(open: () => Database): void {
  const lease = (holder: string) =>
    new SettlerLease({
      lastsMs: DEFAULT_LEASE_MS,
      db: open(),
      holder,
      node: NODE,
      monotonic: () => performance.now(),
      sleep: async () => {},
    })
  const expire = () =>
    askRows(open(), sql`update settler_lease set expires_at = clock_timestamp() - interval '1 ms'`)

  describe('the settler’s lease', () => {
    beforeEach(async () => {
      await askRows(open(), sql`delete from settler_lease`)
    })

    it('is one settler’s until it expires, and then has the next epoch', async () => {
      const [first, second] = [lease('first'), lease('second')]
      expect(await first.acquire()).toBe(true)
      expect(await second.acquire()).toBe(false)
      expect([first.held(), second.held()]).toEqual([true, false])
      expect(await first.acquire()).toBe(true)
      expect(first.epoch).toBe(1)
      await expire()
      expect(await second.acquire()).toBe(true)
      expect(second.epoch).toBe(2)
      expect(await first.acquire()).toBe(false)
    })

    it('is renewed by its holder even when it was late, and nobody came', async () => {
      const holder = lease('late')
      await holder.acquire()
      await expire()
      expect(await holder.acquire()).toBe(true)
      expect(holder.epoch).toBe(1)
    })

    it('is free at once after a clean stop', async () => {
      const [first, second] = [lease('first'), lease('second')]
      await first.acquire()
      await second.release()
      expect(await second.acquire()).toBe(false)
      await first.release()
      expect(first.held()).toBe(false)
      expect(await second.acquire()).toBe(true)
      expect(second.epoch).toBe(2)
    })

    it('is got by one of many that come at once', async () => {
      const all = Array.from({ length: 10 }, (_, n) => lease(`holder ${n}`))
      const got = await Promise.all(all.map((one) => one.acquire()))
      expect(got.filter(Boolean)).toHaveLength(1)
    })

    it('says which node it is about', async () => {
      await lease('one').acquire()
      const rows = await askRows(
        open(),
        sql`select node_pubkey, network, simulated from settler_lease`,
      )
      expect(rows).toEqual([[NODE.pubkey, 'regtest', true]])
    })
  })
}
