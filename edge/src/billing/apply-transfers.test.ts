import { describe, expect, it } from 'vitest'
import type { AccountId } from '@infernet/schemas/ids'
import { MemoryBilling } from '../testing/memory-billing.ts'
import { MemoryStore } from '../testing/memory-store.ts'
import { ALICE, openAccounts } from '../testing/node-accounts.ts'
import { applyTransfers } from './apply-transfers.ts'

function openRig() {
  const billing = new MemoryBilling()
  const store = new MemoryStore()
  const { accounts, sql } = openAccounts(':memory:', store)
  const apply = (...references: string[]) => applyTransfers({ accounts, billing }, references)
  const close = async () => {
    await accounts.close()
    sql.close()
  }
  return { billing, store, accounts, apply, close }
}

describe('applying transfers', () => {
  it('tells each live balance once, however often and from wherever it is asked', async () => {
    const { billing, accounts, apply, close } = openRig()
    for (let n = 1; n <= 20; n++) billing.tell(`in ${n}`, ALICE, BigInt(n))
    const references = [...billing.transfers.keys()]
    await Promise.all(Array.from({ length: 5 }, () => apply(...references, 'unknown')))
    expect((await accounts.balance(ALICE)).availableMsat).toBe(210)
    expect([...billing.transfers.values()].every(({ state }) => state === 'done')).toBe(true)
    await close()
  })

  it('has Postgres know all credit before it hears that some was taken', async () => {
    const { billing, store, accounts, apply, close } = openRig()
    await accounts.deposit(ALICE, 'start', 100)
    billing.tell('out', ALICE, -100n)
    store.down = true
    await expect(apply('out')).rejects.toThrow('connection refused')
    expect(billing.transfers.get('out')?.state).toBe('pending')
    store.down = false
    await apply('out')
    expect(store.ledger.has(`${ALICE} deposit:start`)).toBe(true)
    expect(billing.transfers.get('out')?.state).toBe('done')
    expect((await accounts.balance(ALICE)).availableMsat).toBe(0)
    await close()
  })

  it('writes down that a withdrawal is refused, for good', async () => {
    const { billing, accounts, apply, close } = openRig()
    billing.tell('out', ALICE, -1n)
    await apply('out')
    billing.tell('in', ALICE, 5n)
    await apply('in', 'out')
    expect(billing.transfers.get('out')?.state).toBe('refused')
    expect((await accounts.balance(ALICE)).availableMsat).toBe(5)
    await close()
  })

  it('does the rest when one fails, and says so', async () => {
    const { billing, accounts, apply, close } = openRig()
    billing.tell('huge', ALICE, 2n ** 60n)
    billing.tell('in', 'l402_ab' as AccountId, 5n)
    await expect(apply('huge', 'in')).rejects.toMatchObject({ code: 'money_out_of_range' })
    expect((await accounts.balance('l402_ab' as AccountId)).availableMsat).toBe(5)
    expect(billing.transfers.get('huge')?.state).toBe('pending')
    await close()
  })
})
