import { describe, expect, it } from 'vitest'
import { newAccountId, newJobId, type AccountId } from '@infernet/schemas/ids'
import type { BillingStore, TopUpRequest, WithdrawalRequest } from '../../billing/billing-port.ts'
import type { SettlerActs } from '../../testing/memory-billing.ts'

const NOW_S = 1_767_300_000

const account = () => newAccountId(NOW_S)

export interface BillingRig {
  readonly billing: BillingStore
  /** Does the settler's part. */
  readonly settler: SettlerActs
}

/** What the money rows must do, in Postgres and in memory. */
export function testBilling(open: () => BillingRig): void {
  let ids = 0
  const newId = (prefix: string) => newJobId(NOW_S + ids++).replace('job', prefix)
  const topUpOf = (
    accountId: AccountId | undefined,
    changes: Partial<TopUpRequest> = {},
  ): TopUpRequest => ({
    id: newId('top'),
    accountId,
    amountMsat: 21_000n,
    memo: "Ada's credit",
    expirySeconds: 600,
    createdAt: NOW_S,
    ...changes,
  })
  const withdrawalOf = (accountId: AccountId): WithdrawalRequest => ({
    id: newId('wd'),
    accountId,
    amountMsat: 5_000n,
    feeReserveMsat: 1_000n,
    destination: { kind: 'bolt11', bolt11: 'lnbc1' },
  })

  describe('top-ups', () => {
    it('are ordered once, and go from requested to credited', async () => {
      const { billing, settler } = open()
      const order = topUpOf(account())
      await Promise.all([billing.orderTopUp(order), billing.orderTopUp(order)])
      await billing.orderTopUp({ ...order, amountMsat: 1n })
      const asked = {
        ...order,
        state: 'requested',
        paymentHash: undefined,
        bolt11: undefined,
        expiresAt: undefined,
        paidMsat: 0n,
        credited: false,
      }
      expect(await billing.findTopUp(order.id)).toEqual(asked)
      const hash = newId('hash')
      const made = { state: 'open', paymentHash: hash, bolt11: 'lnbc1', expiresAt: NOW_S + 600 }
      await settler.opened(order.id, hash, 'lnbc1', NOW_S + 600)
      expect(await billing.findTopUp(order.id)).toEqual({ ...asked, ...made })
      await settler.settled(order.id, 21_001n)
      const paid = { ...asked, ...made, state: 'settled', paidMsat: 21_001n }
      expect(await billing.findTopUp(order.id)).toEqual(paid)
      const reference = `inv:${hash}`
      expect(await billing.pendingTransfers([reference])).toEqual([
        { reference, accountId: order.accountId, amountMsat: 21_001n },
      ])
      await billing.transferEnded(reference, 'done')
      expect(await billing.findTopUp(order.id)).toEqual({ ...paid, credited: true })
    })

    it('of a bundle tell its own live account', async () => {
      const { billing, settler } = open()
      const order = topUpOf(undefined)
      await billing.orderTopUp(order)
      expect(await billing.findTopUp(order.id)).toMatchObject({ accountId: undefined })
      const hash = newId('hash')
      await settler.opened(order.id, hash, 'lnbc1', NOW_S + 600)
      await settler.settled(order.id, 3n)
      const [transfer] = await billing.pendingTransfers([`inv:${hash}`])
      expect(transfer).toMatchObject({ accountId: `l402_${hash}`, amountMsat: 3n })
    })

    it('are listed for their account only, the latest first', async () => {
      const { billing } = open()
      const [ada, eve] = [account(), account()]
      const orders = [1, 3, 2].map((n) => topUpOf(ada, { createdAt: NOW_S + n }))
      for (const order of [...orders, topUpOf(eve)]) await billing.orderTopUp(order)
      const created = async (limit: number) =>
        (await billing.topUpsOf(ada, limit)).map(({ createdAt }) => createdAt - NOW_S)
      expect(await created(9)).toEqual([3, 2, 1])
      expect(await created(2)).toEqual([3, 2])
      expect(await billing.findTopUp('top_none')).toBeUndefined()
    })
  })

  describe('withdrawals', () => {
    it('are ordered once with what they take, and nobody else sees them', async () => {
      const { billing } = open()
      const order = withdrawalOf(account())
      await Promise.all([billing.orderWithdrawal(order), billing.orderWithdrawal(order)])
      expect(await billing.findWithdrawal(order.accountId, order.id)).toEqual({
        ...order,
        funding: 'pending',
        payout: undefined,
        failure: undefined,
        preimage: undefined,
        feeMsat: undefined,
        createdAt: expect.any(Number),
      })
      expect(await billing.findWithdrawal(account(), order.id)).toBeUndefined()
      expect(await billing.withdrawalsOf(account(), 9)).toEqual([])
      const reference = `wd:${order.id}`
      expect(await billing.pendingTransfers([reference, 'wd:none'])).toEqual([
        { reference, accountId: order.accountId, amountMsat: -6_000n },
      ])
    })

    it('show how they were funded and what became of their payout', async () => {
      const { billing, settler } = open()
      const owner = account()
      const [paid, failed, refused] = [1, 2, 3].map(() => withdrawalOf(owner))
      for (const order of [paid!, failed!, refused!]) await billing.orderWithdrawal(order)
      const find = (order: WithdrawalRequest) => billing.findWithdrawal(owner, order.id)
      await billing.transferEnded(`wd:${refused!.id}`, 'refused')
      for (const [order, end] of [
        [paid!, () => settler.succeeded(paid!.id, 'preimage', 7n)],
        [failed!, () => settler.failed(failed!.id, 'no_route')],
      ] as const) {
        await billing.transferEnded(`wd:${order.id}`, 'done')
        await settler.paying(order.id)
        expect(await find(order)).toMatchObject({ funding: 'done', payout: 'paying' })
        await end()
      }
      expect(await find(paid!)).toMatchObject({
        payout: 'succeeded',
        preimage: 'preimage',
        feeMsat: 7n,
      })
      expect(await find(failed!)).toMatchObject({ payout: 'failed', failure: 'no_route' })
      expect(await find(refused!)).toMatchObject({ funding: 'refused', payout: undefined })
      expect(await billing.withdrawalsOf(owner, 9)).toHaveLength(3)
      expect(await billing.withdrawalsOf(owner, 2)).toHaveLength(2)
    })

    it('go where they were ordered to', async () => {
      const { billing } = open()
      const destinations = [
        { kind: 'ask', whom: 'ada@example.com' },
        { kind: 'keysend', pubkey: '02ab' },
        { kind: 'bolt11', bolt11: 'lnbc2', payee: '02ab' },
      ] as const
      for (const destination of destinations) {
        const order = { ...withdrawalOf(account()), destination }
        await billing.orderWithdrawal(order)
        const found = await billing.findWithdrawal(order.accountId, order.id)
        expect(found?.destination).toEqual(destination)
      }
    })
  })

  describe('what live balances are told', () => {
    it('has one outcome, the first', async () => {
      const { billing } = open()
      const order = withdrawalOf(account())
      await billing.orderWithdrawal(order)
      const reference = `wd:${order.id}`
      await billing.transferEnded(reference, 'refused')
      await billing.transferEnded(reference, 'done')
      expect(await billing.pendingTransfers([reference])).toEqual([])
      const found = await billing.findWithdrawal(order.accountId, order.id)
      expect(found?.funding).toBe('refused')
      expect(await billing.pendingTransfers([])).toEqual([])
    })
  })

  describe('the node', () => {
    it('is that of the settler that runs now', async () => {
      const { billing, settler } = open()
      const node = { pubkey: '02ab', network: 'regtest', simulated: true }
      await settler.runs(node)
      expect(await billing.node()).toEqual(node)
      await settler.runs({ ...node, simulated: false })
      expect(await billing.node()).toEqual({ ...node, simulated: false })
      await settler.runs(undefined)
      expect(await billing.node()).toBeUndefined()
    })
  })
}
