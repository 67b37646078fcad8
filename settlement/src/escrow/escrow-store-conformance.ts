// What every store of escrows does, run against the one in memory and those in Postgres.
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { OpenRig, StoreRig } from '../testing/stores-rig.ts'
import type { EscrowDecision, EscrowRow, EscrowStore, NewEscrow } from './escrow-store.ts'

const HASH_BYTES = 32
const AT_ONCE = 20
const AMOUNT = 5_000n
const FEE_BPS = 100
const HELD = { paidMsat: AMOUNT, htlcExpiryHeight: 900_000 }

const newName = () => randomBytes(12).toString('hex')
const newHash = () => randomBytes(HASH_BYTES).toString('hex')
const newOrder = (changes: Partial<NewEscrow> = {}): NewEscrow => ({
  job: `pj_${newName()}`,
  attempt: 0,
  payer: `client:acct_${newName()}`,
  amountMsat: AMOUNT,
  memo: 'a job',
  expirySeconds: 600,
  cltvExpiry: 144,
  paymentHash: newHash(),
  createdAt: 1_700_000_000,
  ...changes,
})
const invoiceOf = ({ job }: NewEscrow) => ({ bolt11: `lnbcrt1${job}`, expiresAt: 1_700_000_600 })
const intake = (code: string) => expect.objectContaining({ name: 'IntakeError', code })
const refusal = (code: string) => expect.objectContaining({ name: 'EscrowError', code })
const atOnce = <T>(action: (n: number) => Promise<T>) =>
  Promise.allSettled(Array.from({ length: AT_ONCE }, (_, n) => action(n)))
const countOf = (outcomes: readonly PromiseSettledResult<unknown>[]) =>
  outcomes.filter(({ status }) => status === 'fulfilled').length

/** A good verdict on two legs. */
const newVerdict = () => ({
  kind: 'settle' as const,
  legs: [
    { provider: newName(), gross: 2_000n },
    { provider: newName(), gross: 3_000n },
  ],
  feeBps: FEE_BPS,
})
const BAD: EscrowDecision = { kind: 'cancel', reason: 'bad_verdict' }

/** Registers the suite; to be called inside a `describe`. */
export function testEscrowStore(open: OpenRig<EscrowStore>): void {
  const STATES = ['quoted', 'open', 'accepted', 'settled', 'cancelled'] as const
  const inState = async (state: EscrowRow['state'], order = newOrder()) => {
    const rig = await open()
    const { store } = rig
    const hash = order.paymentHash
    await store.create(order)
    if (state !== 'quoted') await store.opened(hash, invoiceOf(order))
    if (state === 'accepted' || state === 'settled') await store.accepted(hash, HELD)
    if (state === 'settled') await store.settled(hash, AMOUNT)
    if (state === 'cancelled') await store.cancelled(hash, 'expired')
    return { ...rig, order, hash }
  }

  describe('creates an escrow', () => {
    it('once for its hash, also when the answer is lost', async () => {
      const { store } = await open()
      const order = newOrder()
      expect(await store.find(order.paymentHash)).toBeUndefined()
      const row = {
        ...order,
        state: 'quoted',
        bolt11: undefined,
        expiresAt: undefined,
        htlcExpiryHeight: undefined,
        decision: undefined,
        paidMsat: 0n,
        cancelReason: undefined,
      }
      expect(await store.create(order)).toEqual(row)
      expect(await store.create({ ...order, createdAt: order.createdAt + 9 })).toEqual(row)
      expect(await store.find(order.paymentHash)).toEqual(row)
    })

    it('once for all who ask at once', async () => {
      const { store } = await open()
      const order = newOrder()
      expect(countOf(await atOnce(() => store.create(order)))).toBe(AT_ONCE)
    })

    it.each<Partial<NewEscrow>>([
      { job: 'pj_other' },
      { attempt: 1 },
      { payer: 'client:acct_other' },
      { amountMsat: AMOUNT + 1n },
      { memo: 'other' },
      { expirySeconds: 601 },
      { cltvExpiry: 145 },
    ])('and none for something else: %o', async (change) => {
      const { store, order, hash } = await inState('quoted')
      await expect(store.create({ ...order, ...change })).rejects.toEqual(intake('order_conflict'))
      expect(await store.find(hash)).toMatchObject(order)
    })

    it('for each attempt of a job', async () => {
      const { store, order } = await inState('cancelled')
      const next = { ...order, attempt: 1, paymentHash: newHash() }
      expect(await store.create(next)).toMatchObject({ ...next, state: 'quoted' })
    })
  })

  it('opens, is accepted and is cancelled, each once', async () => {
    const { store, order, hash } = await inState('quoted')
    const invoice = invoiceOf(order)
    const steps = [
      [() => store.opened(hash, invoice), { ...invoice, state: 'open' }],
      [() => store.accepted(hash, HELD), { ...invoice, ...HELD, state: 'accepted' }],
      [() => store.cancelled(hash, 'guardian'), { state: 'cancelled', cancelReason: 'guardian' }],
    ] as const
    for (const [step, row] of steps) {
      expect(await step()).toMatchObject(row)
      expect(countOf(await atOnce(step))).toBe(AT_ONCE)
      expect(await store.find(hash)).toMatchObject(row)
    }
    expect(await store.cancelled(hash, 'withdrawn')).toMatchObject({ cancelReason: 'guardian' })
  })

  describe('refuses illegal moves', () => {
    const other = { bolt11: 'lnbcrt1other', expiresAt: 1 }
    const moves = {
      open: (store: EscrowStore, hash: string) => store.opened(hash, other),
      accept: (store: EscrowStore, hash: string) => store.accepted(hash, HELD),
      settle: (store: EscrowStore, hash: string) => store.settled(hash, AMOUNT),
      cancel: (store: EscrowStore, hash: string) => store.cancelled(hash, 'withdrawn'),
    }
    /** What is legal, or changes nothing, by state. */
    const allowed: Record<EscrowRow['state'], readonly string[]> = {
      quoted: ['open', 'cancel'],
      open: ['accept', 'cancel'],
      accepted: ['accept', 'settle', 'cancel'],
      settled: ['accept', 'settle'],
      cancelled: ['cancel'],
    }
    it.each(STATES)('when it is %s', async (state) => {
      const { store, hash } = await inState(state)
      for (const [name, move] of Object.entries(moves)) {
        if (allowed[state].includes(name)) continue
        await expect(move(store, hash), name).rejects.toEqual(refusal('illegal_move'))
      }
      expect((await store.find(hash))?.state).toBe(state)
    })

    it('and what is not there', async () => {
      const { store } = await open()
      for (const move of Object.values(moves))
        await expect(move(store, newHash())).rejects.toEqual(intake('unknown_row'))
      await expect(store.decided(newHash(), BAD)).rejects.toEqual(intake('unknown_row'))
    })
  })

  describe('decides', () => {
    it('once: the first holds', async () => {
      const { store, hash } = await inState('accepted')
      const verdict = newVerdict()
      expect(await store.decided(hash, verdict)).toMatchObject({ decision: verdict })
      expect(await store.decided(hash, verdict)).toMatchObject({ decision: verdict })
      expect(await store.decided(hash, BAD)).toMatchObject({ state: 'accepted', decision: verdict })
    })

    it('one thing, however many decide at once', async () => {
      const { store, hash } = await inState('accepted')
      const outcomes = await atOnce((n) => store.decided(hash, n % 2 === 0 ? BAD : newVerdict()))
      expect(countOf(outcomes)).toBe(AT_ONCE)
      const decision = (await store.find(hash))?.decision
      for (const outcome of outcomes)
        if (outcome.status === 'fulfilled') expect(outcome.value.decision).toEqual(decision)
    })

    it.each(['quoted', 'open'] as const)('nothing good of what is %s', async (state) => {
      const { store, hash } = await inState(state)
      await expect(store.decided(hash, newVerdict())).rejects.toEqual(refusal('not_accepted'))
      expect(await store.decided(hash, BAD)).toMatchObject({ state, decision: BAD })
    })

    it.each(['settled', 'cancelled'] as const)('nothing more of what is %s', async (state) => {
      const { store, hash } = await inState(state)
      expect(await store.decided(hash, BAD)).toMatchObject({ state, decision: undefined })
    })
  })

  describe('settles', () => {
    it('a good verdict: providers are paid, what is above the price is credit', async () => {
      const rig = await inState('accepted')
      const { store, order, hash } = rig
      const verdict = newVerdict()
      await store.decided(hash, verdict)
      const row = { state: 'settled', paidMsat: AMOUNT + 7n, decision: verdict }
      const outcomes = await atOnce(() => store.settled(hash, AMOUNT + 7n))
      for (const outcome of outcomes)
        expect(outcome).toMatchObject({ status: 'fulfilled', value: row })
      expect(await store.find(hash)).toMatchObject(row)
      const paid = await Promise.all(
        verdict.legs.map(({ provider }) => rig.balanceOf(`provider:${provider}`)),
      )
      expect(paid).toEqual([1_980n, 2_970n])
      await expectCredit(rig, order, 7n)
    })

    it('exactly, and tells nobody', async () => {
      const rig = await inState('accepted')
      await rig.store.decided(rig.hash, newVerdict())
      await rig.store.settled(rig.hash, AMOUNT)
      await expectCredit(rig, rig.order, 0n)
    })

    it.each<[string, EscrowDecision | undefined]>([
      ['no verdict', undefined],
      ['a bad one', BAD],
    ])('with %s: everything is credit', async (_, decision) => {
      const rig = await inState('accepted')
      if (decision !== undefined) await rig.store.decided(rig.hash, decision)
      await rig.store.settled(rig.hash, AMOUNT + 7n)
      await rig.store.settled(rig.hash, AMOUNT + 7n)
      await expectCredit(rig, rig.order, AMOUNT + 7n)
    })

    it('not for less than the price', async () => {
      const rig = await inState('accepted')
      const underpaid = refusal('underpaid')
      await expect(rig.store.settled(rig.hash, AMOUNT - 1n)).rejects.toEqual(underpaid)
      expect((await rig.store.find(rig.hash))?.state).toBe('accepted')
      await expectCredit(rig, rig.order, 0n)
    })

    it('by the verdict that was there, when both come at once', async () => {
      for (let n = 0; n < AT_ONCE / 2; n++) {
        const rig = await inState('accepted')
        const { store, hash } = rig
        await Promise.all([store.decided(hash, newVerdict()), store.settled(hash, AMOUNT)])
        const decision = (await store.find(hash))?.decision
        await expectCredit(rig, rig.order, decision === undefined ? AMOUNT : 0n)
      }
    })

    it('or is cancelled, never both', async () => {
      const rig = await inState('accepted')
      const { store, hash } = rig
      const outcomes = await atOnce((n) =>
        n % 2 === 0 ? store.settled(hash, AMOUNT) : store.cancelled(hash, 'guardian'),
      )
      expect(countOf(outcomes)).toBe(AT_ONCE / 2)
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toEqual(refusal('illegal_move'))
      const isSettled = (await store.find(hash))?.state === 'settled'
      await expectCredit(rig, rig.order, isSettled ? AMOUNT : 0n)
    })
  })

  it('pages through what is unfinished', async () => {
    const { store } = await open()
    const orders = Array.from({ length: 6 }, () => newOrder())
    for (const order of orders) await store.create(order)
    const hashes = orders.map(({ paymentHash }) => paymentHash)
    await store.cancelled(hashes[0]!, 'expired')
    await store.opened(hashes[1]!, invoiceOf(orders[1]!))
    await store.accepted(hashes[1]!, HELD)
    await store.settled(hashes[1]!, AMOUNT)
    await store.opened(hashes[2]!, invoiceOf(orders[2]!))
    const seen: string[] = []
    for (let page = await store.unfinished('', 3); page.length > 0;) {
      expect(page.length).toBeLessThanOrEqual(3)
      seen.push(...page.map(({ paymentHash }) => paymentHash))
      page = await store.unfinished(seen.at(-1)!, 3)
    }
    expect(seen.filter((hash) => hashes.includes(hash))).toEqual(hashes.slice(2).sort())
  })
}

/** What its payer has of an escrow; nothing stays in it. */
async function expectCredit(
  rig: StoreRig<EscrowStore>,
  { payer, job, paymentHash }: NewEscrow,
  amountMsat: bigint,
): Promise<void> {
  expect(await rig.balanceOf(payer)).toBe(amountMsat)
  expect(await rig.balanceOf(`escrow:${job}`)).toBe(0n)
  const accountId = payer.slice('client:'.length)
  const told = amountMsat > 0n ? [{ accountId, amountMsat }] : []
  if (rig.told !== undefined) expect(await rig.told(`esc:${paymentHash}`)).toEqual(told)
}
