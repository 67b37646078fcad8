import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { DbError, DbUnavailable } from '../db/db-port.ts'
import { eachRow } from './each-row.ts'
import { EdgeLinkError } from './edge-link-error.ts'
import { releaseLoop } from './release-loop.ts'
import { RowTroubles } from './row-troubles.ts'
import { transferLoop, type Transfer } from './transfer-loop.ts'
import { Alarm, runLoop } from './work-loop.ts'

const never = new AbortController().signal

describe('a loop', () => {
  const rig = () => {
    const stop = new AbortController()
    const seen = { slept: [] as number[], stumbled: [] as unknown[] }
    const rim = {
      random: () => 1,
      sleep: async (ms: number) => void seen.slept.push(ms),
      stumbled: (_: string, error: unknown) => void seen.stumbled.push(error),
    }
    return { stop, seen, rim, alarm: new Alarm() }
  }

  it('goes on at once while there is more, and when it was rung for meanwhile', async () => {
    const { stop, seen, rim, alarm } = rig()
    const pages = [true, true, false, false]
    const page = async () => {
      const more = pages.shift()
      if (pages.length === 1) alarm.ring()
      if (pages.length === 0) stop.abort()
      return more ?? false
    }
    await runLoop({ name: 'x', pauseMs: 7, page }, alarm, rim, stop.signal)
    expect(seen.slept).toEqual([50, 50, 7])
  })

  it('sleeps until it is rung for', async () => {
    const { stop, rim, alarm } = rig()
    let pages = 0
    const sleep = async (ms: number, signal: AbortSignal) => {
      if (ms > 50 && !signal.aborted) await once(signal, 'abort')
    }
    const page = async () => {
      if (++pages === 3) stop.abort()
      setImmediate(() => alarm.ring())
      return false
    }
    await runLoop({ name: 'x', pauseMs: 1e9, page }, alarm, { ...rim, sleep }, stop.signal)
    expect(pages).toBe(3)
  })

  it('waits longer and longer after errors, and forgets them after a good page', async () => {
    const { stop, seen, rim, alarm } = rig()
    const pages = [false, false, true, false]
    const page = async () => {
      const good = pages.shift()
      if (pages.length === 0) stop.abort()
      else if (good !== true) throw new DbUnavailable('gone')
      return false
    }
    await runLoop({ name: 'x', pauseMs: 7, page }, alarm, rim, stop.signal)
    expect(seen.slept.slice(0, 4)).toEqual([250, 500, 50, 7])
    expect(seen.stumbled).toHaveLength(2)
  })
})

describe('rows', () => {
  it('that fail do not keep the others, and are told of once', async () => {
    let now = 0
    const troubles = new RowTroubles({ now: () => now, random: () => 1 })
    const told: string[] = []
    const done: string[] = []
    const work = async (row: string) => {
      if (row === 'bad') throw new DbError('no', '23514')
      done.push(row)
    }
    const round = () =>
      eachRow({
        rows: ['a', 'bad', 'b'],
        idOf: (row) => row,
        work,
        troubles,
        problem: (id) => told.push(id),
        signal: never,
      })
    expect(await round()).toBe(2)
    expect(await round()).toBe(2)
    now = 3_000
    expect(await round()).toBe(2)
    expect(done).toEqual(['a', 'b', 'a', 'b', 'a', 'b'])
    expect([told, troubles.size]).toEqual([['bad'], 1])
    expect(troubles.isDue('bad')).toBe(false)
  })

  it('wait together while the database is away', async () => {
    const troubles = new RowTroubles({ now: () => 0, random: () => 1 })
    let asked = 0
    const work = async () => {
      asked++
      throw new DbUnavailable('gone')
    }
    const rows = Array.from({ length: 100 }, (_, n) => String(n))
    const plan = { rows, idOf: (row: string) => row, work, troubles, problem: () => {} }
    await expect(eachRow({ ...plan, signal: never })).rejects.toThrow('gone')
    expect([troubles.size, asked < 20]).toEqual([0, true])
  })

  it('are forgotten by and by', () => {
    const troubles = new RowTroubles({ now: () => 0, random: () => 1 })
    for (let n = 0; n < 1_500; n++) troubles.failed(String(n))
    expect(troubles.size).toBe(1_000)
  })
})

describe('releases', () => {
  it('go on without a job that the journal refuses, which is found by halving', async () => {
    const jobs = new Set(Array.from({ length: 900 }, (_, n) => n))
    const next = (skip: readonly string[], limit: number) =>
      [...jobs].filter((id) => !skip.includes(String(id))).slice(0, limit)
    const told: string[] = []
    let released = 0
    const loop = releaseLoop({
      release: async (limit, skip) => {
        const page = next(skip, limit)
        if (page.includes(123) || page.includes(777)) throw new DbError('uncovered', '23514')
        for (const id of page) jobs.delete(id)
        return { parts: page.length, msat: 0n }
      },
      nextUnreleased: async (skip) => next(skip, 1).map(String)[0],
      onReleased: ({ parts: count }) => (released += count),
      problem: (id) => told.push(id),
      at: () => {},
    })
    while (await loop.page(never));
    expect([released, told.toSorted(), jobs.size]).toEqual([898, ['123', '777'], 2])
  })

  it('wait for a database that is away', async () => {
    const release = () => Promise.reject(new DbUnavailable('gone'))
    const rest = { nextUnreleased: async () => undefined, onReleased: () => {}, problem: () => {} }
    const loop = releaseLoop({ release, ...rest, at: () => {} })
    await expect(loop.page(never)).rejects.toThrow('gone')
  })
})

describe('transfers', () => {
  const all = Array.from({ length: 450 }, (_, n): Transfer => {
    return { reference: `inv:${n}`, createdAt: String(n).padStart(4, '0') }
  })
  const pending = async (after: Transfer | undefined, limit: number) =>
    all.filter(({ createdAt }) => createdAt > (after?.createdAt ?? '')).slice(0, limit)

  it('are asked for by pages, past those that the edge refuses', async () => {
    const asked: number[] = []
    const told: string[] = []
    const ask = async (ask: { references?: string[] }) => {
      asked.push(ask.references?.length ?? 0)
      if (asked.length === 1) throw new EdgeLinkError('refused', 'no', 'internal')
    }
    const edge = { ask: (one: object) => ask(one) }
    const loop = transferLoop({
      pending,
      edge,
      problem: (id) => told.push(id),
      at: () => {},
      onTold: () => {},
    })
    expect(await loop.page(never)).toBe(false)
    expect([asked, told]).toEqual([[200, 200, 50], ['inv:0']])
  })

  it('wait for an edge that is away', async () => {
    const edge = { ask: () => Promise.reject(new EdgeLinkError('away', 'gone')) }
    const loop = transferLoop({ pending, edge, problem: () => {}, at: () => {}, onTold: () => {} })
    await expect(loop.page(never)).rejects.toMatchObject({ code: 'away' })
  })
})
