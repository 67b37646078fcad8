import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ApiKeyId } from '@infernet/schemas/ids'
import type { LedgerBatch } from '@infernet/schemas/job-record'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MemoryStore } from '../../testing/memory-store.ts'
import { ALICE, newJob, openAccounts } from '../../testing/node-accounts.ts'
import { onceOf } from '../../testing/once-requests.ts'
import { limitsOf } from '../../testing/spend-limits.ts'

describe('after a crash', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'infernet-accounts-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('gives the holds of jobs that died back, and writes what was settled', async () => {
    const path = join(folder, 'accounts.db')
    const before = openAccounts(path)
    await before.accounts.deposit(ALICE, 'r', 100)
    const [settled, dead] = [newJob(), newJob()]
    await before.reserve(settled, 10)
    await before.reserve(dead, 60)
    await before.settle(settled, 5)
    const store = new MemoryStore()
    const after = openAccounts(path, store)
    const balance = { availableMsat: 95, reservedMsat: 0, openHolds: 0 }
    expect(await after.accounts.balance(ALICE)).toEqual(balance)
    await after.accounts.flush()
    const events = [...store.ledger.values()]
    expect(events.map(({ kind, amountMsat }) => `${kind} ${amountMsat}`).sort()).toEqual([
      'capture -5',
      'deposit 100',
      'release 0',
    ])
    // The dead job's late settlement changes nothing.
    await after.settle(dead, 60)
    expect(await after.accounts.balance(ALICE)).toEqual(balance)
    await Promise.all([after.accounts.close(), before.accounts.close()])
  })

  it('keeps every promise of a killed process, and charges no request twice', async () => {
    const database = join(folder, 'accounts.db')
    const posted = join(folder, 'posted.jsonl')
    const credit = 10_000_000
    const first = openAccounts(database)
    await first.accounts.deposit(ALICE, 'r', credit)
    await first.accounts.close()
    first.sql.close()

    const promised = new Map<string, { job: string; cost: number }>()
    for (const lines of [30, 200, 77]) {
      // Every process sends the same requests again, and then more.
      for (const [key, promise] of await spendUntilKilled(database, posted, lines)) {
        expect(promised.has(key)).toBe(false)
        promised.set(key, promise)
      }
    }

    const store = new MemoryStore()
    const { sql, accounts } = openAccounts(database, store)
    await accounts.flush()
    const early = existsSync(posted) ? readFileSync(posted, 'utf8').trim().split('\n') : []
    for (const line of early) await store.writeLedgerEvents(JSON.parse(line) as LedgerBatch)
    const captured = new Map<string, { job: string; cost: number }>()
    for (const { job } of store.ledger.values()) {
      if (job === null || job.costMsat === 0) continue
      expect(captured.has(job.requestId)).toBe(false)
      captured.set(job.requestId, { job: job.id, cost: job.costMsat })
    }
    for (const [key, promise] of promised) {
      expect([key, captured.get(key)]).toEqual([key, promise])
      const state = await accounts.beginOnce(onceOf(ALICE, { key, fingerprint: key }))
      expect(state.state === 'done' && new TextDecoder().decode(state.answer.body)).toBe(
        promise.job,
      )
    }
    // Charged, and killed before the answer was kept: not run again, nor for ever in the way.
    for (const key of captured.keys()) {
      const state = await accounts.beginOnce(onceOf(ALICE, { key, fingerprint: key }))
      expect(state).toMatchObject({
        answer: { status: promised.has(key) ? 200 : expect.any(Number) },
      })
    }
    const spent = [...captured.values()].reduce((sum, { cost }) => sum + cost, 0)
    expect(await accounts.balance(ALICE)).toEqual({
      availableMsat: credit - spent,
      reservedMsat: 0,
      openHolds: 0,
    })
    const counted = { spentTodayMsat: spent, reservedMsat: 0, openHolds: 0 }
    expect(
      await accounts.keyUsage(ALICE, 'key' as ApiKeyId, limitsOf({ maxConcurrent: 1 })),
    ).toMatchObject({ key: counted, account: counted })
    await accounts.close()
    sql.close()
  })
})

/** Runs a process that spends, kills it after so many promises, and returns them by request. */
async function spendUntilKilled(database: string, posted: string, lines: number) {
  const script = fileURLToPath(new URL('../../testing/spending-process.ts', import.meta.url))
  const child = spawn(process.execPath, [script, database, posted, ALICE], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const promised: [string, { job: string; cost: number }][] = []
  for await (const line of createInterface({ input: child.stdout })) {
    const [key = '', job = '', cost, whole] = line.split(' ')
    if (whole === undefined) break
    promised.push([key, { job, cost: Number(cost) }])
    if (promised.length === lines) child.kill('SIGKILL')
  }
  expect(await exited).toEqual([null, 'SIGKILL'])
  return promised
}
