import { env } from 'cloudflare:workers'
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { newAccountId, newJobId, type AccountId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { expiredRecord } from '../../account/expiry.ts'
import { testAccountHost } from '../../account/account-conformance.ts'
import type { HoldRequest } from '../../ports.ts'
import { holdOf } from '../../testing/holds.ts'
import { onceOf, storedAnswer } from '../../testing/once-requests.ts'
import { limitsOf } from '../../testing/spend-limits.ts'
import type { AccountObject } from './account-object.ts'
import type { WorkerEnv } from './env.ts'

const bindings = env as unknown as WorkerEnv
const used = new Map<AccountId, DurableObjectStub<AccountObject>>()
function objectOf(id: AccountId): DurableObjectStub<AccountObject> {
  const stub = bindings.ACCOUNT.get(bindings.ACCOUNT.idFromName(id))
  used.set(id, stub)
  return stub
}

// Without Postgres their alarms ring again and again; so many of them keep the runtime from going on.
afterAll(async () => {
  for (const stub of used.values())
    await runInDurableObject(stub, (_object, state) => state.storage.deleteAlarm())
})

describe('the account object', () => {
  let accountId: AccountId
  let account: DurableObjectStub<AccountObject>

  beforeEach(async () => {
    accountId = newAccountId(Date.now())
    account = objectOf(accountId)
    await account.deposit(accountId, 'start', 1_000)
  })

  const hold = (amountMsat: number, fields: Partial<HoldRequest> = {}): HoldRequest =>
    holdOf(accountId, {
      job: newJobId(Date.now()),
      amountMsat,
      expiresAt: Date.now() + 60_000,
      ...fields,
    })
  const recordOf = (held: HoldRequest, costMsat: number): JobRecord => ({
    ...expiredRecord({ job: held.job, accountId, amountMsat: held.amountMsat }, 0),
    status: 'completed',
    costMsat,
  })

  it('reserves, captures what was used and releases the rest, once', async () => {
    const held = hold(400)
    expect(await account.reserve(held)).toEqual({ ok: true })
    await account.settle(recordOf(held, 150))
    await account.settle(recordOf(held, 150))
    expect(await account.balance(accountId)).toEqual({
      availableMsat: 850,
      reservedMsat: 0,
      openHolds: 0,
    })
  })

  it('keeps its balance and holds when it is evicted', async () => {
    const held = hold(400)
    await account.reserve(held)
    await evictDurableObject(account)
    expect(await account.balance(accountId)).toEqual({
      availableMsat: 600,
      reservedMsat: 400,
      openHolds: 1,
    })
    await account.settle(recordOf(held, 400))
    expect((await account.balance(accountId)).availableMsat).toBe(600)
  })

  it('gives a hold back when its time is over', async () => {
    await account.reserve(hold(400, { expiresAt: Date.now() - 1 }))
    expect(await runDurableObjectAlarm(account)).toBe(true)
    expect(await account.balance(accountId)).toEqual({
      availableMsat: 1_000,
      reservedMsat: 0,
      openHolds: 0,
    })
  })

  it('keeps what a key has spent, and kept answers, when it is evicted', async () => {
    const limits = limitsOf({ budgetMsatPerDay: 500 })
    const once = onceOf(accountId, { job: newJobId(Date.now()), now: Date.now() })
    await account.beginOnce(once)
    const held = hold(400, { limits, once: once.job })
    await account.reserve(held)
    await evictDurableObject(account)
    expect(await account.beginOnce(once)).toEqual({ state: 'running', job: once.job })
    await account.settle(recordOf(held, 300))
    const answer = storedAnswer('kept')
    await account.finishOnce({ accountId, key: once.key, job: once.job, answer })
    await evictDurableObject(account)
    expect(await account.reserve(hold(201, { limits }))).toMatchObject({ reason: 'budget' })
    expect(await account.reserve(hold(200, { limits }))).toEqual({ ok: true })
    const state = await account.beginOnce(once)
    expect(state.state === 'done' && new TextDecoder().decode(state.answer.body)).toBe('kept')
  })

  it('lets a request be repeated whose worker died, once its hold has expired', async () => {
    const once = onceOf(accountId, { job: newJobId(Date.now()), now: Date.now() })
    await account.beginOnce(once)
    await account.reserve(hold(400, { expiresAt: Date.now() - 1, once: once.job }))
    const waiting = account.awaitOnce(accountId, once.key, Date.now() + 15_000)
    expect(await runDurableObjectAlarm(account)).toBe(true)
    expect(await waiting).toBe(true)
    expect(await account.beginOnce(once)).toEqual({ state: 'new' })
  })

  it('keeps its outbox and wakes again while Postgres cannot be reached', async () => {
    await runDurableObjectAlarm(account)
    const next = await runInDurableObject(account, (_object, state) => state.storage.getAlarm())
    expect(next).toBeGreaterThan(Date.now())
  })
})

describe('an account on Cloudflare', () => testAccountHost(objectOf))
