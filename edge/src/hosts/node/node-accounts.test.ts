import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { newAccountId, newJobId, type JobId } from '@infernet/schemas/ids'
import type { LedgerEvent } from '@infernet/schemas/job-record'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { OUTBOX_DELAY_MS, OUTBOX_MAX_BACKOFF_MS } from '../../limits.ts'
import { recordOf } from '../../testing/job-records.ts'
import { ManualClock } from '../../testing/manual-clock.ts'
import { MemoryStore } from '../../testing/memory-store.ts'
import { NodeAccounts, SETTLE_DELAY_MS } from './node-accounts.ts'
import { NodeSql } from './node-sql.ts'

const ALICE = newAccountId(1)
const EXPIRY_MS = 1000

/** Accounts over one database; `store` may be the same again after a restart. */
function open(
  path = ':memory:',
  store: Pick<MemoryStore, 'writeLedgerEvents'> = new MemoryStore(),
) {
  const sql = new NodeSql(path)
  const clock = new ManualClock()
  const flushErrors: unknown[] = []
  const accounts = new NodeAccounts({
    sql,
    store,
    now: clock.now,
    onFlushError: (error) => flushErrors.push(error),
  })
  const reserve = (job: JobId, amountMsat: number, maxOpenHolds = 10) =>
    accounts.reserve({
      accountId: ALICE,
      job,
      amountMsat,
      expiresAt: clock.now() + EXPIRY_MS,
      maxOpenHolds,
    })
  const settle = (job: JobId, costMsat: number) =>
    accounts.settle(recordOf(job, ALICE, { costMsat }))
  return { sql, clock, accounts, flushErrors, reserve, settle }
}

describe('the accounts of a Node process', () => {
  it('commits what one turn brings in one transaction, and answers after it', async () => {
    const { sql, accounts, reserve } = open()
    await accounts.deposit(ALICE, 'r', 100)
    const begin = vi.spyOn(sql, 'transactionSync')
    const held = await Promise.all(Array.from({ length: 5 }, () => reserve(newJobId(1), 10)))
    expect(held.map((result) => result.ok && result.availableMsat)).toEqual([90, 80, 70, 60, 50])
    expect(begin).toHaveBeenCalledTimes(1)
    await accounts.close()
  })

  it('lets a bad operation undo none of its neighbours', async () => {
    const { accounts, reserve, settle } = open()
    await accounts.deposit(ALICE, 'r', 100)
    const [first, second, third] = [newJobId(1), newJobId(1), newJobId(1)]
    await reserve(first, 10)
    const results = await Promise.allSettled([
      reserve(second, 20),
      settle(first, 11),
      reserve(third, 30),
      accounts.deposit(ALICE, 'r', 99),
      settle(second, 5),
    ])
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
    expect(await accounts.balance(ALICE)).toEqual({
      availableMsat: 100 - 5 - 10 - 30,
      reservedMsat: 40,
      openHolds: 2,
    })
    await accounts.close()
  })

  it('rejects and goes on when the database fails', async () => {
    const { sql, accounts, reserve } = open()
    await accounts.deposit(ALICE, 'r', 100)
    sql.exec('alter table hold rename to lost')
    await expect(reserve(newJobId(1), 1)).rejects.toThrow('no such table')
    sql.exec('alter table lost rename to hold')
    expect(await reserve(newJobId(1), 1)).toMatchObject({ ok: true })
    await accounts.close()
  })

  it('gives expired holds back, though nobody settles them', async () => {
    const { clock, accounts, reserve } = open()
    await accounts.deposit(ALICE, 'r', 100)
    await reserve(newJobId(1), 60)
    clock.advance(EXPIRY_MS)
    await accounts.flush()
    expect(await accounts.balance(ALICE)).toMatchObject({ availableMsat: 40 })
    clock.advance(1)
    await accounts.flush()
    expect(await accounts.balance(ALICE)).toMatchObject({ availableMsat: 100, openHolds: 0 })
    await accounts.close()
  })
})

/** A Postgres that fails as told and remembers every event it was sent. */
function failing() {
  const store = new MemoryStore()
  const sent: string[] = []
  const state: { fail: 'never' | 'before' | 'after' } = { fail: 'never' }
  const writeLedgerEvents = async (events: readonly LedgerEvent[]): Promise<void> => {
    if (state.fail === 'before') throw new Error('connection refused')
    sent.push(...events.map(({ idempotencyKey }) => idempotencyKey))
    await store.writeLedgerEvents(events)
    if (state.fail === 'after') throw new Error('connection lost')
  }
  return { store, sent, state, port: { writeLedgerEvents } }
}

describe('the outbox of a Node process', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  it('gathers for a moment and is written once', async () => {
    const { port, sent } = failing()
    const { accounts, reserve, settle } = open(':memory:', port)
    await accounts.deposit(ALICE, 'r', 100)
    const job = newJobId(1)
    await reserve(job, 10)
    await Promise.all([settle(job, 5), vi.advanceTimersByTimeAsync(SETTLE_DELAY_MS)])
    expect(sent).toEqual([])
    await vi.advanceTimersByTimeAsync(OUTBOX_DELAY_MS)
    expect(sent).toEqual(['deposit:r', `job:${job}`])
    await vi.advanceTimersByTimeAsync(OUTBOX_MAX_BACKOFF_MS)
    expect(sent).toHaveLength(2)
    await accounts.close()
  })

  it.each(['before', 'after'] as const)(
    'reaches Postgres exactly once when a write fails %s its commit',
    async (when) => {
      const { port, sent, state, store } = failing()
      const { accounts, flushErrors, reserve, settle } = open(':memory:', port)
      const job = newJobId(1)
      state.fail = when
      await accounts.deposit(ALICE, 'r', 100)
      await reserve(job, 10)
      await Promise.all([settle(job, 5), vi.advanceTimersByTimeAsync(SETTLE_DELAY_MS)])
      await vi.advanceTimersByTimeAsync(OUTBOX_DELAY_MS)
      expect(flushErrors).toHaveLength(1)
      await expect(accounts.flush()).rejects.toThrow('connection')
      state.fail = 'never'
      await vi.advanceTimersByTimeAsync(OUTBOX_MAX_BACKOFF_MS)
      expect([...store.ledger.values()].map(({ amountMsat }) => amountMsat)).toEqual([100, 5])
      expect(sent).toHaveLength(when === 'after' ? 6 : 2)
      await vi.advanceTimersByTimeAsync(OUTBOX_MAX_BACKOFF_MS)
      expect(sent).toHaveLength(when === 'after' ? 6 : 2)
      await accounts.close()
    },
  )

  it('waits longer after every failure, up to a limit', async () => {
    const { port, state } = failing()
    const { accounts, flushErrors } = open(':memory:', port)
    state.fail = 'before'
    await accounts.deposit(ALICE, 'r', 100)
    await vi.advanceTimersByTimeAsync(OUTBOX_DELAY_MS * (1 + 2 + 4) - 1)
    expect(flushErrors).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(1)
    expect(flushErrors).toHaveLength(3)
    await vi.advanceTimersByTimeAsync(10 * OUTBOX_MAX_BACKOFF_MS)
    expect(flushErrors.length).toBeGreaterThan(10)
    expect(flushErrors.length).toBeLessThan(20)
    state.fail = 'never'
    await accounts.close()
  })

  it('is written by one pass however many ask', async () => {
    const { port, sent } = failing()
    const { accounts } = open(':memory:', port)
    await accounts.deposit(ALICE, 'r', 100)
    await Promise.all([accounts.flush(), accounts.flush(), accounts.flush()])
    expect(sent).toEqual(['deposit:r'])
    await accounts.close()
  })

  it('is emptied at the end, with what was queued last', async () => {
    const { port, sent } = failing()
    const { accounts } = open(':memory:', port)
    void accounts.deposit(ALICE, 'r', 100)
    await accounts.close()
    expect(sent).toEqual(['deposit:r'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('leaves no timer behind when Postgres is away at the end', async () => {
    const { port, state } = failing()
    const { accounts, flushErrors } = open(':memory:', port)
    state.fail = 'before'
    await accounts.deposit(ALICE, 'r', 100)
    await accounts.close()
    expect(flushErrors).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('after a crash', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'infernet-accounts-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('gives the holds of jobs that died back, and writes what was settled', async () => {
    const path = join(folder, 'accounts.db')
    const before = open(path)
    await before.accounts.deposit(ALICE, 'r', 100)
    const [settled, dead] = [newJobId(1), newJobId(1)]
    await before.reserve(settled, 10)
    await before.reserve(dead, 60)
    await before.settle(settled, 5)
    const store = new MemoryStore()
    const after = open(path, store)
    const balance = { availableMsat: 95, reservedMsat: 0, openHolds: 0 }
    expect(await after.accounts.balance(ALICE)).toEqual(balance)
    await after.accounts.flush()
    const events = [...store.ledger.values()]
    expect(events.map(({ kind, amountMsat }) => [kind, amountMsat])).toEqual([
      ['deposit', 100],
      ['capture', 5],
      ['release', 0],
    ])
    // The dead job's late settlement changes nothing.
    await after.settle(dead, 60)
    expect(await after.accounts.balance(ALICE)).toEqual(balance)
    await Promise.all([after.accounts.close(), before.accounts.close()])
  })

  it('every promise of a killed process is kept, and nothing is charged twice', async () => {
    const database = join(folder, 'accounts.db')
    const posted = join(folder, 'posted.jsonl')
    const credit = 10_000_000
    const first = open(database)
    await first.accounts.deposit(ALICE, 'r', credit)
    await first.accounts.close()
    first.sql.close()

    const promised = new Map<string, number>()
    for (const lines of [30, 200, 77]) {
      for (const [job, cost] of await spendUntilKilled(database, posted, lines)) {
        expect(promised.has(job)).toBe(false)
        promised.set(job, cost)
      }
    }

    const store = new MemoryStore()
    const { sql, accounts } = open(database, store)
    await accounts.flush()
    const early = existsSync(posted) ? readFileSync(posted, 'utf8').trim().split('\n') : []
    await store.writeLedgerEvents(early.map((line) => JSON.parse(line) as LedgerEvent))
    const captured = new Map<string, number>()
    for (const { kind, job, amountMsat } of store.ledger.values()) {
      if (kind === 'capture') captured.set(job.id, amountMsat)
    }
    for (const [job, cost] of promised) expect([job, captured.get(job) ?? 0]).toEqual([job, cost])
    const spent = [...captured.values()].reduce((sum, cost) => sum + cost, 0)
    expect(await accounts.balance(ALICE)).toEqual({
      availableMsat: credit - spent,
      reservedMsat: 0,
      openHolds: 0,
    })
    await accounts.close()
    sql.close()
  })
})

/** Runs a process that spends, kills it after so many promises, and returns what it promised. */
async function spendUntilKilled(database: string, posted: string, lines: number) {
  const script = fileURLToPath(new URL('../../testing/spending-process.ts', import.meta.url))
  const child = spawn(process.execPath, [script, database, posted, ALICE], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const promised: [string, number][] = []
  for await (const line of createInterface({ input: child.stdout })) {
    const [job = '', cost, whole] = line.split(' ')
    if (whole === undefined) break
    promised.push([job, Number(cost)])
    if (promised.length === lines) child.kill('SIGKILL')
  }
  expect(await exited).toEqual([null, 'SIGKILL'])
  return promised
}
