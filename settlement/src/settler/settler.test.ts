import { setTimeout as pause } from 'node:timers/promises'
import { signPayout } from '@infernet/schemas/payout-statement'
import { newSigner } from '@infernet/schemas/testing/signer'
import type { PayoutWishes } from '@infernet/schemas/wire'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { creditGranted } from '../ledger/credit-events.ts'
import { posting } from '../ledger/posting.ts'
import { invoicePayment } from '../testing/payment-order.ts'
import { hashOf } from '../lightning/lnd/lnd-messages.ts'
import { PayoutStoreError } from '../payout/payout-store.ts'
import { SettlerRig } from '../testing/settler-rig.ts'
import { invoiceSource } from './invoice-source.ts'
import { LeaseError } from './settler-lease.ts'

const SIGNER = newSigner()
const PEER = SIGNER.peer

describe('a settler', () => {
  let rig: SettlerRig
  beforeEach(async () => {
    rig = await SettlerRig.start()
  })
  afterEach(() => rig.close())

  const earned = (peer: string, msat: bigint) =>
    rig.balances.post(
      posting(`ver:${peer}:${msat}`, 'verdict_ok', [
        [`provider:${peer}`, msat],
        ['equity:operator', -msat],
      ]),
    )

  /** A provider that is owed what the journal says it is. */
  const payable =
    (wishes: PayoutWishes, signer = SIGNER) =>
    async () => {
      const payout = signPayout({ ...signer, peer: PEER }, wishes, Date.now())
      const owedMsat = rig.balances.of(`provider:${PEER}`)
      if (owedMsat === 0n) return []
      const facts = { oldestAt: Date.now(), sentTodayMsat: 0n, inFlight: false, failures: 0 }
      return [{ peer: PEER, payout, owedMsat, ...facts, failedAt: undefined }]
    }

  /** Through an edge that passes on invoices of `rig.other`. */
  const invoicesOfAgent = async () => {
    const { network } = await rig.other.info()
    rig.answer = async (ask) => {
      if (ask.kind !== 'invoice') return undefined
      const amountMsat = BigInt(ask.amount_msat)
      const preimage = hashOf(hashOf('00'.repeat(31) + `0${ask.attempt}`))
      const request = { preimage, amountMsat, memo: 'earnings', expirySeconds: 3600 }
      return (await rig.other.addInvoice(request)).bolt11
    }
    const edge = {
      ask: async (ask: Parameters<typeof rig.answer>[0]) => ({ bolt11: await rig.answer(ask) }),
    }
    const ports = { policy: { allowsAddress: () => false, allowsPort: () => false } }
    return invoiceSource({
      sleep: async (ms) => void (await pause(ms)),
      edge,
      network,
      now: Date.now,
      ports: { ...ports, resolve: async () => [], get: async () => ({ status: 500, body: '' }) },
    })
  }

  it('makes invoices for what is ordered, and credits what is paid, for clients and bundles', async () => {
    const orders = [
      { id: 'top_1', accountId: 'acct_1', amountMsat: 5_000n, memo: 'credit', expirySeconds: 600 },
      { id: 'top_2', accountId: null, amountMsat: 7_000n, memo: 'bundle', expirySeconds: 600 },
    ]
    await rig.during(async () => {
      rig.work({
        orders: async () => {
          const rows = await Promise.all(orders.map(({ id }) => rig.invoices.find(id)))
          return orders.filter((_, n) => rows[n] === undefined)
        },
      })
      await expect.poll(() => rig.events.filter((e) => e.event === 'topup_open').length).toBe(2)
      for (const { id } of orders) {
        const { bolt11 } = (await rig.invoices.find(id))!
        expect(await rig.other.pay(invoicePayment(bolt11!, 100_000n))).toMatchObject({
          status: 'succeeded',
        })
      }
      await expect.poll(() => rig.events.filter((e) => e.event === 'topup_credited').length).toBe(2)
      expect(rig.balances.of('client:acct_1')).toBe(5_000n)
      const { paymentHash } = (await rig.invoices.find('top_2'))!
      expect(rig.balances.of(`l402:${paymentHash}`)).toBe(7_000n)
    })
  })

  it('pays a provider by keysend when it wants it at once', async () => {
    const { pubkey } = await rig.other.info()
    earned(PEER, 2_500n)
    await rig.during(async () => {
      rig.work({ payable: payable({ to: { kind: 'keysend', pubkey }, when: 'at_once' }) })
      const { payout } = await rig.event('payout_succeeded')
      const { attempts } = await rig.payouts.read(String(payout))
      expect(hashOf(attempts[0]!.proof!.preimage)).toBe(attempts[0]!.paymentHash)
    })
    expect(rig.balances.of(`provider:${PEER}`)).toBe(0n)
  })

  it('pays nothing where the provider has not signed, says so once, and pays when it has', async () => {
    const { pubkey } = await rig.other.info()
    const wishes: PayoutWishes = { to: { kind: 'keysend', pubkey }, when: 'at_once' }
    earned(PEER, 2_500n)
    await rig.during(async () => {
      rig.work({ payable: payable(wishes, newSigner()) })
      expect(await rig.event('payout_problem')).toMatchObject({
        id: `provider:${PEER}`,
        error: expect.objectContaining({ code: 'not_signed' }) as unknown,
      })
      // Some rounds later.
      await pause(200)
      expect(rig.balances.of(`provider:${PEER}`)).toBe(2_500n)
      expect(rig.events.filter((e) => e.event === 'payout_problem')).toHaveLength(1)
    })
    await rig.during(async () => {
      rig.work({ payable: payable(wishes) })
      await rig.event('payout_succeeded')
    })
    expect(rig.balances.of(`provider:${PEER}`)).toBe(0n)
  })

  it('pays an invoice of the provider’s agent, and gives back what it cannot send', async () => {
    earned(PEER, 2_000_000n)
    const requestInvoice = await invoicesOfAgent()
    const { pubkey } = await rig.other.info()
    await rig.during(
      async () => {
        rig.work({ payable: payable({ to: { kind: 'invoice', pubkey } }) })
        await rig.event('payout_succeeded')
        earned(PEER, 3_000_000n)
        rig.work({
          payable: payable({ to: { kind: 'lightning_address', address: 'a@nowhere.test' } }),
        })
        expect(await rig.event('payout_failed')).toMatchObject({ failure: 'no_invoice' })
        rig.work({ payable: async () => [] })
      },
      { requestInvoice },
    )
    expect(rig.balances.of(`provider:${PEER}`)).toBe(3_000_000n)
  })

  it('pays no invoice that the edge has put in the place of the provider’s own', async () => {
    earned(PEER, 2_000_000n)
    const { pubkey } = await rig.other.info()
    const theirs = { kind: 'invoice', pubkey: `02${'ab'.repeat(32)}` } as const
    await rig.during(
      async () => {
        rig.work({ payable: payable({ to: theirs }) })
        expect(await rig.event('payout_failed')).toMatchObject({ failure: 'payee' })
        rig.work({ payable: async () => [] })
        await expect.poll(() => rig.balances.of(`provider:${PEER}`)).toBe(2_000_000n)
        rig.work({ payable: payable({ to: { ...theirs, pubkey } }) })
        await rig.event('payout_succeeded')
      },
      { requestInvoice: await invoicesOfAgent() },
    )
    expect(rig.balances.of(`provider:${PEER}`)).toBe(0n)
  })

  it('pays a withdrawal once its money was taken, with the reserve as limit', async () => {
    const { bolt11 } = await rig.other.addInvoice({
      preimage: '11'.repeat(32),
      amountMsat: 50_000n,
      memo: 'out',
      expirySeconds: 3600,
    })
    rig.balances.post(creditGranted({ accountId: 'acct_1', reference: 'r', amount: 60_000n }))
    await rig.during(async () => {
      const row = { id: 'wd_1', accountId: 'acct_1', amountMsat: 50_000n, feeReserveMsat: 5_000n }
      const funded = [
        { ...row, id: 'wd_bad', destination: { kind: 'pigeon' } },
        { ...row, destination: { kind: 'bolt11', bolt11 } },
      ]
      rig.work({ funded: async () => funded })
      await rig.event('payout_succeeded')
      expect(await rig.event('payout_problem')).toMatchObject({ id: 'wd_bad' })
      await expect.poll(() => rig.events.filter((e) => e.event === 'payout_problem').length).toBe(1)
    })
    const fee = 60_000n - 50_000n - rig.balances.of('client:acct_1')
    expect(fee).toBeGreaterThan(0n)
    expect(fee).toBeLessThanOrEqual(5_000n)
  })

  it('holds the payment of a job, has it run, and takes the money when that is decided', async () => {
    const job = { id: 'job_1', accountId: 'acct_1', model: 'demo', priceMsat: 2_000_000n }
    await rig.during(async () => {
      const rows = () => rig.escrows.unfinished('', 10)
      rig.work({ quoted: async () => ((await rows()).length === 0 ? [job] : []) })
      await rig.event('escrow_open')
      rig.work({ quoted: async () => [] })
      const { bolt11, paymentHash } = (await rows())[0]!
      const paid = rig.other.pay(invoicePayment(bolt11!, 100_000n))
      await rig.event('escrow_accepted')
      rig.work({ paid: async () => (rig.asks.length === 0 ? ['job_1'] : []) })
      await expect.poll(() => rig.asks).toEqual([{ kind: 'jobs', jobs: ['job_1'] }])
      const legs = [{ provider: PEER, gross: 2_000_000n }]
      await rig.escrows.decided(paymentHash, { kind: 'settle', legs, feeBps: 100 })
      rig.work({
        decided: async () => (await rows()).map((row) => row.paymentHash),
      })
      await rig.event('escrow_settled')
      // Written more than once, told once; and it is no payment that nobody knows.
      await expect.poll(async () => (await rows()).length).toBe(0)
      const told = rig.events.map(({ event }) => event)
      expect(told.filter((event) => event === 'escrow_settled')).toHaveLength(1)
      expect(told).not.toContain('payment_not_ours')
      expect(await paid).toMatchObject({ status: 'succeeded' })
    })
    expect(rig.balances.of(`provider:${PEER}`)).toBe(1_980_000n)
  })

  it('tells the edge of transfers, and rings when something was released', async () => {
    const left = ['inv:1', 'inv:2']
    rig.answer = async () => void left.splice(0)
    const { rings } = rig.alarm
    await rig.during(async () => {
      rig.work({
        pending: async (after) =>
          after === undefined ? left.map((reference) => ({ reference, createdAt: 'now' })) : [],
        release: async () => ({ parts: 3, msat: 99n }),
      })
      await expect.poll(() => left).toEqual([])
      expect(await rig.event('earnings_released')).toMatchObject({ parts: 3, amount_msat: 99n })
    })
    expect(rig.asks[0]).toEqual({ kind: 'transfers', references: ['inv:1', 'inv:2'] })
    expect(rig.alarm.rings).toBeGreaterThan(rings + 1)
  })

  it('ends with what runs beside it, such as the keeping of the lease', async () => {
    const lost = new LeaseError('gone')
    const keep = async (signal: AbortSignal) => {
      await pause(20, undefined, { signal })
      throw lost
    }
    await expect(rig.during(() => new Promise(() => {}), {}, [keep])).rejects.toBe(lost)
  })

  it('ends when its payouts are another settler’s', async () => {
    earned(PEER, 2_500n)
    const { pubkey } = await rig.other.info()
    const code = 'lease_lost'
    rig.payouts.open = async () => {
      throw Object.assign(new PayoutStoreError('conflict', 'an older epoch'), { code })
    }
    rig.work({ payable: payable({ to: { kind: 'keysend', pubkey }, when: 'at_once' }) })
    await expect(rig.during(() => new Promise(() => {}))).rejects.toMatchObject({ code })
  })
})
