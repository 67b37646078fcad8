import type { JobRecord, LedgerBatch } from '@infernet/schemas/job-record'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { OUTBOX_DELAY_MS, OUTBOX_MAX_BACKOFF_MS } from '../../limits.ts'
import { MemoryStore } from '../../testing/memory-store.ts'
import { ALICE, newJob, openAccounts } from '../../testing/node-accounts.ts'
import { GROUP_DELAY_MS } from './node-accounts.ts'

/** A Postgres that fails as told and remembers every event it was sent. */
function failing() {
  const store = new MemoryStore()
  const sent: string[] = []
  const state: { fail: 'never' | 'before' | 'after' } = { fail: 'never' }
  const writeLedgerEvents = async (batch: LedgerBatch): Promise<void> => {
    if (state.fail === 'before') throw new Error('connection refused')
    for (const { reference } of batch.deposits) sent.push(`deposit:${reference}`)
    for (const record of batch.records) sent.push(`job:${(JSON.parse(record) as JobRecord).id}`)
    await store.writeLedgerEvents(batch)
    if (state.fail === 'after') throw new Error('connection lost')
  }
  return { store, sent, state, port: { writeLedgerEvents } }
}

describe('the outbox of a Node process', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  it('gathers for a moment and is written once', async () => {
    const { port, sent } = failing()
    const { accounts, reserve, settle } = openAccounts(':memory:', port)
    await accounts.deposit(ALICE, 'r', 100)
    const job = newJob()
    await reserve(job, 10)
    await Promise.all([settle(job, 5), vi.advanceTimersByTimeAsync(GROUP_DELAY_MS)])
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
      const { accounts, flushErrors, reserve, settle } = openAccounts(':memory:', port)
      const job = newJob()
      state.fail = when
      await accounts.deposit(ALICE, 'r', 100)
      await reserve(job, 10)
      await Promise.all([settle(job, 5), vi.advanceTimersByTimeAsync(GROUP_DELAY_MS)])
      await vi.advanceTimersByTimeAsync(OUTBOX_DELAY_MS)
      expect(flushErrors).toHaveLength(1)
      await expect(accounts.flush()).rejects.toThrow('connection')
      state.fail = 'never'
      await vi.advanceTimersByTimeAsync(OUTBOX_MAX_BACKOFF_MS)
      expect([...store.ledger.values()].map(({ amountMsat }) => amountMsat)).toEqual([100, -5])
      expect(sent).toHaveLength(when === 'after' ? 6 : 2)
      await vi.advanceTimersByTimeAsync(OUTBOX_MAX_BACKOFF_MS)
      expect(sent).toHaveLength(when === 'after' ? 6 : 2)
      await accounts.close()
    },
  )

  it('waits longer after every failure, up to a limit', async () => {
    const { port, state } = failing()
    const { accounts, flushErrors } = openAccounts(':memory:', port)
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
    const { accounts } = openAccounts(':memory:', port)
    await accounts.deposit(ALICE, 'r', 100)
    await Promise.all([accounts.flush(), accounts.flush(), accounts.flush()])
    expect(sent).toEqual(['deposit:r'])
    await accounts.close()
  })

  it('is emptied at the end, with what was queued last', async () => {
    const { port, sent } = failing()
    const { accounts } = openAccounts(':memory:', port)
    void accounts.deposit(ALICE, 'r', 100)
    await accounts.close()
    expect(sent).toEqual(['deposit:r'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('leaves no timer behind when Postgres is away at the end', async () => {
    const { port, state } = failing()
    const { accounts, flushErrors } = openAccounts(':memory:', port)
    state.fail = 'before'
    await accounts.deposit(ALICE, 'r', 100)
    await accounts.close()
    expect(flushErrors).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })
})
