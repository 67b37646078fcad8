import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { MAX_MSAT } from '@infernet/schemas/money'
import { ALICE, newJob, openAccounts } from '../testing/node-accounts.ts'
import { auditLedger } from './audit.ts'

describe('transfers', () => {
  it('are remembered by the next process, refusals included, and nothing is moved again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'infernet-transfers-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'accounts.db')
    const before = openAccounts(path)
    expect(await before.accounts.transfer(ALICE, 'in', 100)).toBe('done')
    expect(await before.accounts.transfer(ALICE, 'out', -60)).toBe('done')
    expect(await before.accounts.transfer(ALICE, 'much', -60)).toBe('refused')
    // As after a kill: what was answered is on disk, and nothing is closed.
    const after = openAccounts(path)
    onTestFinished(async () => {
      for (const { accounts, sql } of [after, before]) {
        await accounts.close()
        sql.close()
      }
    })
    expect(await after.accounts.transfer(ALICE, 'more', 1_000)).toBe('done')
    expect(await after.accounts.transfer(ALICE, 'in', 100)).toBe('done')
    expect(await after.accounts.transfer(ALICE, 'out', -60)).toBe('done')
    expect(await after.accounts.transfer(ALICE, 'much', -60)).toBe('refused')
    expect(await after.accounts.balance(ALICE)).toMatchObject({ availableMsat: 1_040 })
  })

  it('are refused under a reference that was used for another amount, or when they are no amount', async () => {
    const { accounts, sql } = openAccounts()
    await accounts.transfer(ALICE, 'in', 100)
    const conflict = { code: 'transfer_conflict' }
    await expect(accounts.transfer(ALICE, 'in', 99)).rejects.toMatchObject(conflict)
    for (const amount of [0.5, MAX_MSAT, Number.NaN, -MAX_MSAT - 2]) {
      const refused = { code: 'money_out_of_range' }
      await expect(accounts.transfer(ALICE, 'bad', amount)).rejects.toMatchObject(refused)
    }
    expect(await accounts.balance(ALICE)).toMatchObject({ availableMsat: 100 })
    await accounts.close()
    sql.close()
  })

  it('never overdraw, whatever is held, captured and repeated between them', async () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant('transfer' as const),
        reference: fc.integer({ min: 0, max: 5 }),
        // By its reference, as a row of Postgres has it.
        sign: fc.constantFrom(1, -1),
      }),
      fc.record({
        do: fc.constant('job' as const),
        hold: fc.nat({ max: 200 }),
        ends: fc.boolean(),
      }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { accounts, sql, reserve, settle } = openAccounts()
        const outcomes = new Map<string, number>()
        let captured = 0
        const running = steps.map(async (next) => {
          if (next.do === 'job') {
            const job = newJob()
            const held = await reserve(job, next.hold)
            if (!held.ok || !next.ends) return
            captured += next.hold
            return settle(job, next.hold)
          }
          const amount = next.sign * (next.reference + 1) * 30
          const reference = `${amount}`
          const outcome = await accounts.transfer(ALICE, reference, amount)
          const moved = outcome === 'done' ? amount : 0
          expect(outcomes.get(reference) ?? moved).toBe(moved)
          outcomes.set(reference, moved)
        })
        await Promise.all(running)
        const { availableMsat, reservedMsat } = await accounts.balance(ALICE)
        let moved = 0
        for (const amount of outcomes.values()) moved += amount
        expect(availableMsat).toBeGreaterThanOrEqual(0)
        expect(availableMsat + reservedMsat).toBe(moved - captured)
        auditLedger(sql)
        await accounts.close()
        sql.close()
      }),
      { numRuns: 30 },
    )
  })
})
