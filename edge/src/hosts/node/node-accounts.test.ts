import { describe, expect, it, vi } from 'vitest'
import { testAccountHost } from '../../account/account-conformance.ts'
import { MemoryStore } from '../../testing/memory-store.ts'
import { ALICE, EXPIRY_MS, newJob, openAccounts } from '../../testing/node-accounts.ts'
import { GROUP_DELAY_MS, NodeAccounts } from './node-accounts.ts'
import { NodeSql } from './node-sql.ts'

const onFlushError = (error: unknown) => {
  throw error
}

describe('the accounts of a Node process', () => {
  it('commits what comes close together once, and holds wait for no commit', async () => {
    const { sql, accounts, reserve, settle } = openAccounts()
    await accounts.deposit(ALICE, 'r', 100)
    const commits = vi.spyOn(sql, 'commitGroup')
    const jobs = Array.from({ length: 5 }, newJob)
    const held = await Promise.all(jobs.map((job) => reserve(job, 10)))
    expect(held).toEqual(held.map(() => ({ ok: true })))
    expect(sql.isGrouping).toBe(true)
    await Promise.all(jobs.map((job) => settle(job, 5)))
    expect(sql.isGrouping).toBe(false)
    expect(commits).toHaveBeenCalledTimes(1)
    await accounts.close()
  })

  it('hands nothing over to Postgres that a crash could still undo', async () => {
    const store = new MemoryStore()
    const { sql, accounts, reserve, settle } = openAccounts(':memory:', store)
    const open: boolean[] = []
    vi.spyOn(store, 'writeLedgerEvents').mockImplementation(async () => {
      open.push(sql.isGrouping)
    })
    await accounts.deposit(ALICE, 'r', 100)
    const job = newJob()
    await reserve(job, 10)
    const settled = settle(job, 5)
    await accounts.flush()
    expect(open).toEqual([false])
    await settled
    await accounts.close()
  })

  it('tells everybody who waits that a commit failed, and is where it was before', async () => {
    const { sql, accounts, reserve, settle } = openAccounts()
    await accounts.deposit(ALICE, 'r', 100)
    const [first, second] = [newJob(), newJob()]
    await reserve(first, 60)
    await settle(first, 10)
    vi.spyOn(sql, 'commitGroup').mockImplementationOnce(() => {
      sql.run('rollback')
      throw new Error('disk full')
    })
    await reserve(second, 60)
    const results = await Promise.allSettled([
      settle(second, 20),
      accounts.deposit(ALICE, 'other', 7),
    ])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    const before = { availableMsat: 90, reservedMsat: 0, openHolds: 0 }
    expect(await accounts.balance(ALICE)).toEqual(before)
    expect(await reserve(second, 90)).toEqual({ ok: true })
    await settle(second, 90)
    expect(await accounts.balance(ALICE)).toMatchObject({ availableMsat: 0 })
    await accounts.close()
  })

  it('lets a bad operation undo none of its neighbours', async () => {
    const { accounts, reserve, settle } = openAccounts()
    await accounts.deposit(ALICE, 'r', 100)
    const [first, second, third] = [newJob(), newJob(), newJob()]
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

  it('leaves no group open when all of it was refused', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { sql, accounts, settle } = openAccounts()
    await accounts.deposit(ALICE, 'r', 100)
    await expect(accounts.deposit(ALICE, 'r', 99)).rejects.toThrow('was used for')
    expect(sql.isGrouping).toBe(true)
    await Promise.all([settle(newJob(), 1), vi.advanceTimersByTimeAsync(GROUP_DELAY_MS)])
    await expect(accounts.deposit(ALICE, 'r', 98)).rejects.toThrow('was used for')
    await vi.advanceTimersByTimeAsync(GROUP_DELAY_MS)
    expect(sql.isGrouping).toBe(false)
    vi.useRealTimers()
    await accounts.close()
  })

  it('rejects and goes on when the database fails', async () => {
    const { sql, accounts, reserve } = openAccounts()
    await accounts.deposit(ALICE, 'r', 100)
    sql.exec('alter table hold rename to lost')
    await expect(reserve(newJob(), 1)).rejects.toThrow('no such table')
    sql.exec('alter table lost rename to hold')
    expect(await reserve(newJob(), 1)).toMatchObject({ ok: true })
    await accounts.close()
  })

  it('gives expired holds back, though nobody settles them', async () => {
    const { clock, accounts, reserve } = openAccounts()
    await accounts.deposit(ALICE, 'r', 100)
    await reserve(newJob(), 60)
    clock.advance(EXPIRY_MS)
    await accounts.flush()
    expect(await accounts.balance(ALICE)).toMatchObject({ availableMsat: 40 })
    clock.advance(1)
    await accounts.flush()
    expect(await accounts.balance(ALICE)).toMatchObject({ availableMsat: 100, openHolds: 0 })
    await accounts.close()
  })
})

describe('an account on Node', () => {
  const sql = new NodeSql(':memory:')
  const store = new MemoryStore()
  const accounts = new NodeAccounts({ sql, store, now: Date.now, onFlushError })
  testAccountHost(() => accounts)
})
