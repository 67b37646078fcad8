import { env } from 'cloudflare:workers'
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { newAccountId, newJobId, type AccountId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import { beforeEach, describe, expect, it } from 'vitest'
import { expiredRecord } from '../../account/expiry.ts'
import type { HoldRequest } from '../../ports.ts'
import type { AccountObject } from './account-object.ts'
import type { WorkerEnv } from './env.ts'

const bindings = env as unknown as WorkerEnv

describe('the account object', () => {
  let accountId: AccountId
  let account: DurableObjectStub<AccountObject>

  beforeEach(async () => {
    accountId = newAccountId(Date.now())
    account = bindings.ACCOUNT.get(bindings.ACCOUNT.idFromName(accountId))
    await account.deposit(accountId, 'start', 1_000)
  })

  const holdOf = (amountMsat: number, expiresAt = Date.now() + 60_000): HoldRequest => ({
    accountId,
    job: newJobId(Date.now()),
    amountMsat,
    expiresAt,
    maxOpenHolds: 4,
  })
  const recordOf = (hold: HoldRequest, costMsat: number): JobRecord => ({
    ...expiredRecord({ job: hold.job, accountId, amountMsat: hold.amountMsat }, 0),
    status: 'completed',
    costMsat,
  })

  it('reserves, captures what was used and releases the rest, once', async () => {
    const hold = holdOf(400)
    expect(await account.reserve(hold)).toEqual({ ok: true, availableMsat: 600 })
    await account.settle(recordOf(hold, 150))
    await account.settle(recordOf(hold, 150))
    expect(await account.balance(accountId)).toEqual({
      availableMsat: 850,
      reservedMsat: 0,
      openHolds: 0,
    })
  })

  it('keeps its balance and holds when it is evicted', async () => {
    const hold = holdOf(400)
    await account.reserve(hold)
    await evictDurableObject(account)
    expect(await account.balance(accountId)).toEqual({
      availableMsat: 600,
      reservedMsat: 400,
      openHolds: 1,
    })
    await account.settle(recordOf(hold, 400))
    expect((await account.balance(accountId)).availableMsat).toBe(600)
  })

  it('gives a hold back when its time is over', async () => {
    await account.reserve(holdOf(400, Date.now() - 1))
    expect(await runDurableObjectAlarm(account)).toBe(true)
    expect(await account.balance(accountId)).toEqual({
      availableMsat: 1_000,
      reservedMsat: 0,
      openHolds: 0,
    })
  })

  it('keeps its outbox and wakes again while Postgres cannot be reached', async () => {
    await runDurableObjectAlarm(account)
    const next = await runInDurableObject(account, (_object, state) => state.storage.getAlarm())
    expect(next).toBeGreaterThan(Date.now())
  })
})
