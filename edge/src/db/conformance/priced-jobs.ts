import { beforeEach, describe, expect, it } from 'vitest'
import { newAccountId, newJobId, newRequestId, type ApiKeyId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { PricedJobOrder, PricedJobStore } from '../../billing/priced-jobs-port.ts'
import type { EscrowActs, EscrowFields } from '../../testing/memory-priced-jobs.ts'

const NOW = Date.UTC(2026, 0, 2)
const MINUTE = 60_000
const PRICE = 2_000_000n
const ROOM = { ofAccount: 20, ofAll: 1_000_000, since: NOW - MINUTE }
const PEER = '12D3KooWprovider' as PeerId
const ERROR = { message: 'broken', type: 'server_error', param: null, code: 'provider_failed' }
const DONE = { provider: PEER, result: '{"id": "gen-1"}' }
const REFUND = { kind: 'cancel', reason: 'withdrawn' }

const claimAt = (now: number) => ({ run: newJobId(now), now, until: now + MINUTE })

const orderOf = (changes: Partial<PricedJobOrder> = {}): PricedJobOrder => ({
  id: newJobId(NOW),
  accountId: newAccountId(NOW),
  apiKeyId: '0123456789abcdef' as ApiKeyId,
  requestId: newRequestId(NOW),
  endpoint: '/v1/chat/completions',
  model: 'demo',
  request: '{"model": "demo"}',
  metadata: { tag: 'a\nb' },
  priceMsat: PRICE,
  feeBps: 100,
  createdAt: NOW,
  ...changes,
})

export interface PricedJobsRig {
  readonly store: PricedJobStore
  /** Does the settler's part. */
  readonly settler: EscrowActs
}

/** What the rows of priced jobs must do, in Postgres and in memory. */
export function testPricedJobs(open: (now: () => number) => PricedJobsRig): void {
  let now = NOW
  let rig: PricedJobsRig
  beforeEach(() => {
    now = NOW
    rig = open(() => now)
  })
  const quoted = async (changes: Partial<PricedJobOrder> = {}) => {
    const order = orderOf(changes)
    expect(await rig.store.quote(order, ROOM)).toBe('quoted')
    return order
  }
  const paid = async (fields: Partial<EscrowFields> = {}) => {
    const order = await quoted()
    await rig.settler.escrow(order.id, { state: 'accepted', ...fields })
    return order
  }
  const running = async () => {
    const { id, accountId } = await paid()
    const { run } = claimAt(NOW)
    expect(await rig.store.claim(id, { ...claimAt(NOW), run })).toMatchObject({ run })
    return { id, accountId, run }
  }
  const find = ({ accountId, id }: Pick<PricedJobOrder, 'accountId' | 'id'>) =>
    rig.store.find(accountId, id)

  describe('jobs of a fixed price', () => {
    it('are found as they were quoted, by their account alone', async () => {
      const order = await quoted({ request: '{"text": "it\'s\0 \\ud800"}' })
      const { request: _, ...shown } = order
      const found = await rig.store.find(order.accountId, order.id)
      expect(found).toMatchObject({ ...shown, state: 'quoted' })
      expect(found?.escrow ?? found?.result ?? found?.run ?? found?.finishedAt).toBeUndefined()
      expect(await rig.store.find(newAccountId(NOW), order.id)).toBeUndefined()
      expect(await rig.store.listOf(order.accountId, 5)).toMatchObject([shown])
    })

    it('are quoted once per id, and no more than there is room for', async () => {
      const { accountId, ...first } = await quoted()
      const again = { ...first, accountId }
      const room = { ...ROOM, ofAccount: 2 }
      expect(await rig.store.quote(again, room)).toBe('quoted')
      expect(await rig.store.quote(orderOf({ accountId }), room)).toBe('quoted')
      expect(await rig.store.quote(orderOf({ accountId }), room)).toBe('account_full')
      expect(await rig.store.quote(orderOf(), { ...ROOM, ofAll: 0 })).toBe('full')
      expect(await rig.store.listOf(accountId, 5)).toHaveLength(2)
      expect(await rig.store.listOf(accountId, 1)).toHaveLength(1)
    })

    it('know what was ordered under their id', async () => {
      const order = await quoted({ request: '{"text": "a\0b"}', metadata: { a: '1' } })
      expect(await rig.store.isOrdered(order.id, order)).toBe(true)
      for (const other of [{ request: '{}' }, { metadata: {} }]) {
        expect(await rig.store.isOrdered(order.id, { ...order, ...other })).toBe(false)
      }
      expect(await rig.store.isOrdered(newJobId(NOW), order)).toBeUndefined()
    })

    it('make room when they are over, and are closed by later quotes', async () => {
      const first = await quoted()
      const { accountId } = first
      const paidFor = await quoted({ accountId })
      await rig.settler.escrow(paidFor.id, { state: 'cancelled', cancelReason: 'expired' })
      const room = { ...ROOM, ofAccount: 1, since: NOW }
      for (let quotes = 0; quotes < 5; quotes++)
        await rig.store.quote(orderOf({ createdAt: NOW + 1 }), { ...ROOM, since: NOW })
      expect(await rig.store.quote(orderOf({ accountId, createdAt: NOW + 1 }), room)).toBe('quoted')
      expect(await find(first)).toMatchObject({ state: 'withdrawn' })
      expect(await find(paidFor)).toMatchObject({
        state: 'withdrawn',
        escrow: { state: 'cancelled', cancelReason: 'expired' },
      })
    })

    it('are claimed only while their payment is held and undecided', async () => {
      const unpaid = await quoted()
      expect(await rig.store.claim(unpaid.id, claimAt(NOW))).toBeUndefined()
      await rig.settler.escrow(unpaid.id, { state: 'open' })
      expect(await rig.store.claim(unpaid.id, claimAt(NOW))).toBeUndefined()
      const decided = await paid({ decision: { kind: 'cancel', reason: 'guardian' } })
      expect(await rig.store.claim(decided.id, claimAt(NOW))).toBeUndefined()
      const order = await paid()
      const claim = claimAt(NOW)
      expect(await rig.store.claim(order.id, claim)).toEqual({ ...order, run: claim.run })
    })

    it('have one runner at a time, and another once its claim has run out', async () => {
      const order = await paid()
      const claims = [claimAt(NOW), claimAt(NOW), claimAt(NOW)]
      const got = await Promise.all(claims.map((claim) => rig.store.claim(order.id, claim)))
      const won = claims.filter((_, index) => got[index] !== undefined)
      expect(won).toHaveLength(1)
      expect(await rig.store.claim(order.id, won[0]!)).toBeDefined()
      expect(await rig.store.claim(order.id, claimAt(NOW + MINUTE - 1))).toBeUndefined()
      const later = claimAt(NOW + MINUTE)
      expect(await rig.store.claim(order.id, later)).toMatchObject({ run: later.run })
      expect(await rig.store.complete(order.id, won[0]!.run, DONE)).toBe(false)
      expect(await rig.store.complete(order.id, later.run, DONE)).toBe(true)
    })

    it('store the answer and the good verdict together, once', async () => {
      const job = await running()
      const { id, run } = job
      now = NOW + 5
      expect(await rig.store.complete(id, run, DONE)).toBe(true)
      now = NOW + 9
      expect(await rig.store.complete(id, run, DONE)).toBe(true)
      expect(await rig.store.fail(id, run, ERROR)).toBe(false)
      expect(await rig.store.withdraw(job.accountId, id)).toBeUndefined()
      expect(await find(job)).toMatchObject({
        state: 'completed',
        result: DONE.result,
        providerId: PEER,
        run,
        finishedAt: NOW + 5,
        escrow: { state: 'accepted', verdict: 'settle' },
      })
      expect(await rig.settler.decision(id)).toEqual({
        kind: 'settle',
        legs: [{ provider: PEER, gross: PRICE }],
        feeBps: 100,
      })
    })

    it('are not completed when the payment went back meanwhile', async () => {
      const job = await running()
      const { id, run } = job
      const decision = { kind: 'cancel', reason: 'guardian' } as const
      await rig.settler.escrow(id, { state: 'accepted', decision })
      expect(await rig.store.complete(id, run, DONE)).toBe(false)
      expect(await rig.store.fail(id, run, ERROR)).toBe(true)
      const found = await find(job)
      expect(found).toMatchObject({ state: 'failed', escrow: { cancelReason: 'guardian' } })
      expect(found?.result).toBeUndefined()
      expect(await rig.settler.decision(id)).toEqual(decision)
    })

    it('fail with the bad verdict', async () => {
      const job = await running()
      const { id, run } = job
      expect(await rig.store.fail(id, run, ERROR)).toBe(true)
      expect(await rig.store.fail(id, run, ERROR)).toBe(true)
      expect(await rig.store.complete(id, run, DONE)).toBe(false)
      expect(await rig.settler.decision(id)).toEqual({ kind: 'cancel', reason: 'bad_verdict' })
      expect(await find(job)).toMatchObject({
        state: 'failed',
        error: ERROR,
        escrow: { verdict: 'cancel', cancelReason: 'bad_verdict' },
      })
    })

    it('are withdrawn by their account, whether they run or not', async () => {
      const job = await running()
      const { id, run } = job
      expect(await rig.store.withdraw(newAccountId(NOW), id)).toBeUndefined()
      expect(await rig.store.withdraw(job.accountId, id)).toEqual({ run })
      expect(await rig.store.withdraw(job.accountId, id)).toBeUndefined()
      expect(await rig.store.complete(id, run, DONE)).toBe(false)
      expect(await rig.store.fail(id, run, ERROR)).toBe(false)
      expect(await rig.settler.decision(id)).toEqual(REFUND)
      const unpaid = await quoted()
      expect(await rig.store.withdraw(unpaid.accountId, unpaid.id)).toEqual({ run: undefined })
    })

    it('give a payment back that came after they were withdrawn', async () => {
      const { accountId, id } = await quoted()
      await rig.store.withdraw(accountId, id)
      await rig.settler.escrow(id, { state: 'accepted' })
      expect(await rig.store.claim(id, claimAt(NOW))).toBeUndefined()
      expect(await rig.settler.decision(id)).toEqual(REFUND)
    })

    it('end one way when it is decided at the same time', async () => {
      for (let round = 0; round < 8; round++) {
        const job = await running()
        const { id, run } = job
        const [done, failed, withdrawn] = await Promise.all([
          rig.store.complete(id, run, DONE),
          rig.store.fail(id, run, ERROR),
          rig.store.withdraw(job.accountId, id),
        ])
        expect([done, failed, withdrawn !== undefined].filter(Boolean)).toHaveLength(1)
        const found = await find(job)
        expect(found?.escrow?.verdict).toBe(done ? 'settle' : 'cancel')
        expect(found?.result === undefined).toBe(!done)
        expect(await rig.settler.decision(id)).toMatchObject({ kind: done ? 'settle' : 'cancel' })
      }
    })
  })
}
