import { eq, inArray, sql } from 'drizzle-orm'
import { beforeAll, describe, expect, it } from 'vitest'
import { providerConduct } from '@infernet/schemas/audit-tables'
import { earlierParts, jobs } from '@infernet/schemas/tables'
import { ask, askRows, type Database } from '../db/database.ts'
import { DbError } from '../db/db-port.ts'
import { captured } from './release-conformance.ts'
import { nextUnreleased, releaseParts } from './release-parts.ts'
import { ReleaseSweep } from './release-sweep.ts'

const FEE_BPS = 100
const HOUR = 3_600_000
const AT_ONCE = { holdMs: 0, newcomerHoldMs: 0, newcomerMs: 0 }

/** The release of what waits, a stretch at a time, on a real database. */
export function testReleaseSweep(open: () => Database): void {
  const old = (provider: string, hours: number, legs: readonly string[] = []) =>
    captured(
      open(),
      [...legs, provider].map((name) => ({ provider: name, gross: 100 })),
      FEE_BPS,
      null,
      Date.now() - hours * HOUR,
    )
  const isReleased = async (ids: readonly string[]) => {
    const rows = await ask(
      open()
        .select({ id: jobs.id, at: jobs.releasedAt })
        .from(jobs)
        .where(inArray(jobs.id, [...ids])),
    )
    return ids.map((id) => rows.find((row) => row.id === id)?.at instanceof Date)
  }
  const suspect = async (providerId: string) =>
    await ask(
      open()
        .insert(providerConduct)
        .values({ providerId, standing: 'suspended', since: new Date(), offences: 0 }),
    )
  const clear = async (providerId: string) =>
    await ask(open().delete(providerConduct).where(eq(providerConduct.providerId, providerId)))

  describe('releasing a stretch at a time', () => {
    beforeAll(async () => {
      // Jobs of other suites, captured or made up.
      for (const table of [jobs, earlierParts])
        await askRows(
          open(),
          sql`update ${table} set released_at = now() where released_at is null`,
        )
    })

    it('comes to what is behind many that may not go, and again to those', async () => {
      const [frozen, fair] = [`12D3KooWfrozen${Date.now()}`, `12D3KooWfair${Date.now()}`]
      await suspect(frozen)
      const stuck = []
      for (let n = 0; n < 5; n++) stuck.push(await old(frozen, 90 - n, [frozen]))
      const good = []
      for (let n = 0; n < 3; n++) good.push(await old(fair, 50 - n, [fair]))
      const goodIds = good.map(({ id }) => id)
      const sweep = new ReleaseSweep(2)
      const round = async () => (await releaseParts(open(), 10, AT_ONCE, [], sweep)).parts
      // Of each table two at a time: the first two stretches have none, the third the first of both.
      expect([await round(), await round(), await round()]).toEqual([0, 0, 2])
      expect(await isReleased(goodIds)).toEqual([true, false, false])
      expect(await round()).toBe(4)
      expect(await isReleased(goodIds)).toEqual([true, true, true])
      expect(await isReleased(stuck.map(({ id }) => id))).toEqual(stuck.map(() => false))
      await clear(frozen)
      let released = 0
      for (let n = 0; n < 4; n++) released += await round()
      expect(released).toBe(10)
    })

    it('stays where more may go than fits into a page', async () => {
      const fair = `12D3KooWmany${Date.now()}`
      for (let n = 0; n < 5; n++) await old(fair, 40 - n)
      const sweep = new ReleaseSweep(4)
      const round = async () => (await releaseParts(open(), 2, AT_ONCE, [], sweep)).parts
      expect([await round(), await round(), await round()]).toEqual([2, 2, 1])
    })

    it('names the part that cannot go, in its own stretch', async () => {
      const [frozen, fair] = [`12D3KooWcold${Date.now()}`, `12D3KooWwarm${Date.now()}`]
      await suspect(frozen)
      for (let n = 0; n < 2; n++) await old(frozen, 30 - n)
      const forged = await captured(
        open(),
        [{ provider: null, gross: 100 }],
        FEE_BPS,
        null,
        Date.now() - 20 * HOUR,
      )
      await askRows(
        open(),
        sql`update jobs set provider_id = '12D3KooWnever', lease = ${`${forged.id}.1`} where id = ${forged.id}`,
      )
      const good = await old(fair, 19)
      const sweep = new ReleaseSweep(2)
      const release = (skip: readonly string[]) => releaseParts(open(), 1, AT_ONCE, skip, sweep)
      expect((await release([])).parts).toBe(0)
      await expect(release([])).rejects.toBeInstanceOf(DbError)
      expect(await nextUnreleased(open(), AT_ONCE, [], sweep)).toBe(forged.id)
      await expect.poll(async () => (await release([forged.id])).parts).toBe(1)
      expect(await isReleased([good.id])).toEqual([true])
      await askRows(
        open(),
        sql`update jobs set released_at = now() where id in (${forged.id}) or provider_id = ${frozen}`,
      )
      await clear(frozen)
    })
  })
}
