// One fault at a time, by its name; payout-crash.test.ts has them all together, with kills.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Balances } from '../ledger/balances.ts'
import { topUpSettled } from '../ledger/credit-events.ts'
import type { LightningBackend } from '../lightning/lightning-backend.ts'
import type { SimFault } from '../lightning/sim/sim-faults.ts'
import { MemoryPayoutStore } from '../testing/memory-payout-store.ts'
import { PayoutRig, type PayeeManner } from '../testing/payout-rig.ts'
import { PayoutEngine } from './payout-engine.ts'
import type { PayoutHooks } from './payout-hooks.ts'
import type { Payout } from './payout-store.ts'

const CREDIT = 10_000_000n
const AMOUNT = 50_000n
/** The hub's. */
const ROUTING = 1000n
const TWO_HOURS_MS = 7_200_000

let rig: PayoutRig
let lightning: LightningBackend
let balances: Balances
let payments: number
let arrived: bigint
let ids = 0

beforeAll(async () => {
  rig = await PayoutRig.start()
  lightning = await rig.connect()
})
afterAll(() => rig.close())
beforeEach(() => {
  balances = new Balances()
  balances.post(topUpSettled({ paymentHash: 'c', to: 'client:c', amount: CREDIT }))
  payments = rig.payer.payments.all().length
  arrived = rig.has(rig.payee)
  rig.forgetFaults()
})

/** Pays somebody who is asked for invoices. */
const payTo = (requestInvoice: () => string, hooks: Partial<PayoutHooks> = {}): Promise<Payout> =>
  new PayoutEngine({
    store: new MemoryPayoutStore(balances),
    lightning,
    node: { pubkey: rig.payer.pubkey, network: 'regtest' },
    keysendKey: new Uint8Array(32).fill(7),
    requestInvoice: async () => requestInvoice(),
    hooks: rig.hooks(hooks),
    signal: new AbortController().signal,
  }).pay({
    id: `faulty-${++ids}`,
    owner: 'client:c',
    amountMsat: AMOUNT,
    feeReserveMsat: 0n,
    feeLimitMsat: ROUTING,
    destination: { kind: 'ask', whom: 'the agent', payee: rig.payee.pubkey },
  })
/** An invoice for each attempt. */
const invoices = (...manners: readonly PayeeManner[]) => {
  const left = [...manners]
  return () => rig.invoice(AMOUNT, left.shift())
}

function paidOnce({ state }: Payout): void {
  expect(state).toBe('succeeded')
  expect(rig.has(rig.payee) - arrived).toBe(AMOUNT)
  expect(balances.of('client:c')).toBe(CREDIT - AMOUNT)
  expect(balances.of('asset:ln')).toBe(-CREDIT + AMOUNT + ROUTING)
}
function cameBack({ state }: Payout): void {
  expect(state).toBe('failed')
  expect(rig.has(rig.payee)).toBe(arrived)
  expect(balances.of('client:c')).toBe(CREDIT)
  expect(balances.of('asset:ln')).toBe(-CREDIT)
}

describe('a payout arrives once, by one payment, when the node', () => {
  const faults: readonly SimFault[] = [
    { kind: 'refuse' },
    { kind: 'cut' },
    { kind: 'end_early' },
    { kind: 'say_twice' },
    { kind: 'slow', ms: 50 },
  ]
  it.each(faults)('does this as it pays, and then as it is asked: %j', async (fault) => {
    rig.plan('SendPaymentV2', fault, fault)
    rig.plan('TrackPaymentV2', fault, fault)
    paidOnce(await payTo(invoices('takes')))
    expect(rig.payer.payments.all()).toHaveLength(payments + 1)
  })

  it('restarts right after it was asked', async () => {
    let restarted: Promise<void> | undefined
    const at: PayoutHooks['at'] = (step) => {
      if (step === 'paying' && restarted === undefined) restarted = rig.restartPayer()
    }
    paidOnce(await payTo(invoices('takes'), { at }))
    await restarted
    expect(rig.payer.payments.all()).toHaveLength(payments + 1)
  })
})

describe('an invoice that expires while its payment is held', () => {
  let stop: () => void
  beforeEach(() => {
    const pass = ({ state }: { readonly state: string }): void => {
      if (state === 'ACCEPTED') rig.passTime(TWO_HOURS_MS)
    }
    rig.payee.invoices.watchers.add(pass)
    stop = () => void rig.payee.invoices.watchers.delete(pass)
  })

  it('is paid when the payee takes it all the same', async () => {
    paidOnce(await payTo(invoices('holds_and_takes')))
    stop()
  })

  it('is followed by another one when the payee gives it back', async () => {
    const payout = await payTo(invoices('holds_and_gives_back', 'takes'))
    stop()
    expect(payout.attempts.map(({ state }) => state)).toEqual(['failed', 'succeeded'])
    paidOnce(payout)
  })
})

describe('an agent', () => {
  it.each([
    ['more', 1n],
    ['less', -1n],
  ])('that asks for %s than it is owed gets nothing', async (_, more) => {
    const payout = await payTo(() => rig.invoice(AMOUNT + more))
    expect(payout).toMatchObject({ failure: 'amount', attempts: [] })
    cameBack(payout)
  })

  it('that gives the same invoice again after it has refused it is not paid', async () => {
    const bolt11 = rig.invoice(AMOUNT, 'refuses')
    const payout = await payTo(() => bolt11)
    expect(payout).toMatchObject({ failure: 'hash_used', attempts: [{ state: 'failed' }] })
    cameBack(payout)
  })

  it('is not paid by an invoice that has expired', async () => {
    const bolt11 = rig.invoice(AMOUNT)
    rig.passTime(TWO_HOURS_MS)
    const payout = await payTo(() => bolt11)
    expect(payout).toMatchObject({ failure: 'expiry', attempts: [] })
    cameBack(payout)
  })
})
