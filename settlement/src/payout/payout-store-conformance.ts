// What every store of payouts does, run against the one in memory and those in Postgres.
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { OpenRig, StoreRig } from '../testing/stores-rig.ts'
import type { AttemptDraft, PayoutDestination, PayoutDraft, PayoutStore } from './payout-store.ts'

const HASH_BYTES = 32
const AT_ONCE = 20
const FUNDS = 10_000n
const AMOUNT = 4_000n
const RESERVE = 50n

const newName = () => randomBytes(12).toString('hex')
const newHash = () => randomBytes(HASH_BYTES).toString('hex')
const KEYSEND = { kind: 'keysend', pubkey: '02ab' } as const
const newDraft = (changes: Partial<PayoutDraft> = {}): PayoutDraft => ({
  id: `po_${newName()}`,
  owner: `client:acct_${newName()}`,
  amountMsat: AMOUNT,
  feeReserveMsat: RESERVE,
  feeLimitMsat: 60n,
  destination: KEYSEND,
  ...changes,
})
const attemptAt = ({ id }: PayoutDraft, number = 1, paymentHash = newHash()): AttemptDraft => ({
  payout: id,
  number,
  paymentHash,
  to: KEYSEND,
})
const newProof = (feeMsat = 20n) => ({ preimage: newHash(), feeMsat })
const refusal = (code: string) => expect.objectContaining({ name: 'PayoutStoreError', code })
const illegal = expect.objectContaining({ name: 'PayoutStateError', code: 'illegal_transition' })
const atOnce = <T>(action: (n: number) => Promise<T>) =>
  Promise.allSettled(Array.from({ length: AT_ONCE }, (_, n) => action(n)))
const countOf = (outcomes: readonly PromiseSettledResult<unknown>[]) =>
  outcomes.filter(({ status }) => status === 'fulfilled').length

/** Registers the suite; to be called inside a `describe`. */
export function testPayoutStore(open: OpenRig<PayoutStore>): void {
  const funded = async (draft = newDraft()) => {
    const rig = await open()
    await rig.fund(draft.owner, FUNDS)
    return { ...rig, draft }
  }
  const opened = async (draft?: PayoutDraft) => {
    const rig = await funded(draft)
    await rig.store.open(rig.draft)
    return rig
  }
  const paying = async (draft?: PayoutDraft) => {
    const rig = await opened(draft)
    const attempt = attemptAt(rig.draft)
    await rig.store.recordAttempt(attempt)
    return { ...rig, attempt }
  }

  describe('opens a payout', () => {
    it('once for its id, also when the answer is lost', async () => {
      const rig = await funded()
      const { store, draft } = rig
      const row = { ...draft, state: 'open', attempts: [] }
      expect(await store.open(draft)).toEqual(row)
      expect(await store.open(draft)).toEqual(row)
      expect(await store.read(draft.id)).toEqual(row)
      expect(await rig.balanceOf(draft.owner)).toBe(FUNDS - AMOUNT - RESERVE)
      expect(await rig.balanceOf(`payout_inflight:${draft.id}`)).toBe(AMOUNT + RESERVE)
      await expectBack(rig, draft, 0n)
    })

    it('once for all who ask at once', async () => {
      const rig = await funded()
      expect(countOf(await atOnce(() => rig.store.open(rig.draft)))).toBe(AT_ONCE)
      expect(await rig.balanceOf(rig.draft.owner)).toBe(FUNDS - AMOUNT - RESERVE)
    })

    it.each<PayoutDestination>([
      { kind: 'bolt11', bolt11: 'lnbcrt1x' },
      { kind: 'bolt11', bolt11: 'lnbcrt1x', payee: '02cd' },
      { kind: 'ask', whom: 'me@example.com' },
      { kind: 'ask', whom: '12D3KooW', payee: '02cd' },
    ])('to %o', async (destination) => {
      const { store, draft } = await opened(newDraft({ destination }))
      expect((await store.read(draft.id)).destination).toEqual(destination)
    })

    it('not for something else, and not what is not there', async () => {
      const { store, draft } = await opened()
      for (const change of [{ amountMsat: 1n }, { owner: newDraft().owner }])
        await expect(store.open({ ...draft, ...change })).rejects.toEqual(refusal('conflict'))
      await expect(store.read('po_none')).rejects.toEqual(refusal('not_found'))
    })

    it('one at a time per owner', async () => {
      const rig = await funded()
      const outcomes = await atOnce(() => rig.store.open(newDraft({ owner: rig.draft.owner })))
      expect(countOf(outcomes)).toBe(1)
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toEqual(refusal('payee_busy'))
      expect(await rig.balanceOf(rig.draft.owner)).toBe(FUNDS - AMOUNT - RESERVE)
    })

    it('the next when the last is over', async () => {
      const { store, draft } = await opened()
      await store.giveUp(draft.id, 'expiry')
      const next = newDraft({ owner: draft.owner })
      expect(await store.open(next)).toMatchObject({ id: next.id, state: 'open' })
    })

    it('not without the money', async () => {
      const rig = await funded()
      const draft = { ...rig.draft, amountMsat: FUNDS }
      const uncovered = { name: 'PostingError', code: 'uncovered' }
      await expect(rig.store.open(draft)).rejects.toMatchObject(uncovered)
      await expect(rig.store.read(draft.id)).rejects.toEqual(refusal('not_found'))
      expect(await rig.balanceOf(draft.owner)).toBe(FUNDS)
    })
  })

  describe('records an attempt', () => {
    it('once for its number, and returns the first', async () => {
      const { store, draft, attempt } = await paying()
      const row = { ...attempt, state: 'unresolved' }
      expect(await store.recordAttempt(attempt)).toEqual(row)
      expect(await store.recordAttempt(attemptAt(draft))).toEqual(row)
      expect(await store.read(draft.id)).toEqual({ ...draft, state: 'paying', attempts: [row] })
    })

    it('the same for all who record one at once', async () => {
      const { store, draft } = await opened()
      const outcomes = await atOnce(() => store.recordAttempt(attemptAt(draft)))
      expect(countOf(outcomes)).toBe(AT_ONCE)
      const hashes = outcomes.map((one) => one.status === 'fulfilled' && one.value.paymentHash)
      const { attempts } = await store.read(draft.id)
      expect(attempts).toHaveLength(1)
      expect(new Set(hashes)).toEqual(new Set([attempts[0]!.paymentHash]))
    })

    it('only after the one before, of what is there', async () => {
      const { store, draft } = await opened()
      await expect(store.recordAttempt(attemptAt(draft, 2))).rejects.toEqual(refusal('conflict'))
      await expect(store.recordAttempt(attemptAt(newDraft()))).rejects.toEqual(refusal('not_found'))
      await store.recordAttempt(attemptAt(draft))
      await expect(store.recordAttempt(attemptAt(draft, 2))).rejects.toEqual(illegal)
    })

    it('never with a hash that was used before', async () => {
      const { store, fund, draft, attempt } = await paying()
      await store.attemptFailed(draft.id, 1, 'no_route')
      const again = attemptAt(draft, 2, attempt.paymentHash)
      await expect(store.recordAttempt(again)).rejects.toEqual(refusal('hash_used'))
      expect((await store.read(draft.id)).state).toBe('open')
      const other = newDraft()
      await fund(other.owner, FUNDS)
      await store.open(other)
      const theirs = attemptAt(other, 1, attempt.paymentHash)
      await expect(store.recordAttempt(theirs)).rejects.toEqual(refusal('hash_used'))
      expect((await store.read(other.id)).state).toBe('open')
    })
  })

  describe('ends an attempt', () => {
    it('that failed, and the payout is open again', async () => {
      const rig = await paying()
      const { store, draft, attempt } = rig
      await store.attemptFailed(draft.id, 1, 'no_route')
      await store.attemptFailed(draft.id, 1, 'no_route')
      const first = { ...attempt, state: 'failed', failure: 'no_route' }
      expect(await store.read(draft.id)).toEqual({ ...draft, state: 'open', attempts: [first] })
      await store.recordAttempt(attemptAt(draft, 2))
      await store.attemptFailed(draft.id, 1, 'no_route')
      expect((await store.read(draft.id)).state).toBe('paying')
      expect(await rig.balanceOf(`payout_inflight:${draft.id}`)).toBe(AMOUNT + RESERVE)
      await expectBack(rig, draft, 0n)
    })

    it('but not one that is not there', async () => {
      const { store, draft } = await paying()
      const missing = refusal('not_found')
      await expect(store.attemptFailed(draft.id, 2, 'error')).rejects.toEqual(missing)
      await expect(store.succeed(draft.id, 2, newProof())).rejects.toEqual(missing)
      await expect(store.attemptFailed('po_none', 1, 'error')).rejects.toEqual(missing)
    })

    it('one way only, whoever is first', async () => {
      const rig = await paying()
      const { store, draft } = rig
      const outcomes = await atOnce((n) =>
        n % 2 === 0
          ? store.succeed(draft.id, 1, newProof())
          : store.attemptFailed(draft.id, 1, 'timeout'),
      )
      expect(countOf(outcomes)).toBe(AT_ONCE / 2)
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toEqual(illegal)
      const { state } = await store.read(draft.id)
      const inflight = state === 'succeeded' ? 0n : AMOUNT + RESERVE
      expect(await rig.balanceOf(`payout_inflight:${draft.id}`)).toBe(inflight)
    })
  })

  describe('succeeds', () => {
    it.each([
      ['with a cheap route', 20n, RESERVE - 20n],
      ['with a free route', 0n, RESERVE],
      ['at the limit', RESERVE, 0n],
      ['above the reserve', RESERVE + 5n, 0n],
    ])('%s', async (_, feeMsat, back) => {
      const rig = await paying()
      const { store, draft, attempt } = rig
      const proof = newProof(feeMsat)
      expect(countOf(await atOnce(() => store.succeed(draft.id, 1, proof)))).toBe(AT_ONCE)
      expect(await store.read(draft.id)).toEqual({
        ...draft,
        state: 'succeeded',
        attempts: [{ ...attempt, state: 'succeeded', proof }],
      })
      expect(await rig.balanceOf(draft.owner)).toBe(FUNDS - AMOUNT - RESERVE + back)
      expect(await rig.balanceOf(`payout_inflight:${draft.id}`)).toBe(0n)
      await expectBack(rig, draft, back)
    })

    it('and then does nothing else', async () => {
      const { store, draft } = await paying()
      await expect(store.succeed('po_none', 1, newProof())).rejects.toEqual(refusal('not_found'))
      await store.succeed(draft.id, 1, newProof())
      await expect(store.attemptFailed(draft.id, 1, 'error')).rejects.toEqual(illegal)
      await expect(store.giveUp(draft.id, 'error')).rejects.toEqual(illegal)
      await expect(store.recordAttempt(attemptAt(draft, 2))).rejects.toEqual(illegal)
    })

    it('for a provider without telling any live balance', async () => {
      const draft = newDraft({ owner: `provider:${newName()}`, feeReserveMsat: 0n })
      const rig = await paying(draft)
      await rig.store.succeed(draft.id, 1, newProof())
      expect(await rig.balanceOf(draft.owner)).toBe(FUNDS - AMOUNT)
      await expectBack(rig, draft, 0n)
    })
  })

  describe('gives up', () => {
    it.each([
      ['a client', newDraft().owner],
      ['a bundle', `l402:${newHash()}`],
      ['a provider', `provider:${newName()}`],
    ] as const)('and %s has everything back, once', async (_, owner) => {
      const rig = await opened(newDraft({ owner }))
      const { store, draft } = rig
      expect(countOf(await atOnce(() => store.giveUp(draft.id, 'payee')))).toBe(AT_ONCE)
      expect(await store.read(draft.id)).toMatchObject({ state: 'failed', failure: 'payee' })
      expect(await rig.balanceOf(owner)).toBe(FUNDS)
      await expectBack(rig, draft, AMOUNT + RESERVE)
      await expect(store.recordAttempt(attemptAt(draft))).rejects.toEqual(illegal)
      await expect(store.succeed(draft.id, 1, newProof())).rejects.toThrow()
    })

    it('never while an attempt is unresolved', async () => {
      const rig = await paying()
      await expect(rig.store.giveUp(rig.draft.id, 'error')).rejects.toEqual(illegal)
      expect(await rig.balanceOf(rig.draft.owner)).toBe(FUNDS - AMOUNT - RESERVE)
    })

    it('or pays, never both', async () => {
      const rig = await opened()
      const { store, draft } = rig
      const [recorded, givenUp] = await Promise.allSettled([
        store.recordAttempt(attemptAt(draft)),
        store.giveUp(draft.id, 'error'),
      ])
      expect([recorded.status, givenUp.status].sort()).toEqual(['fulfilled', 'rejected'])
      const owned = givenUp.status === 'fulfilled' ? FUNDS : FUNDS - AMOUNT - RESERVE
      expect(await rig.balanceOf(draft.owner)).toBe(owned)
    })
  })

  it('pages through what is unfinished', async () => {
    const { store, fund } = await open()
    const drafts = Array.from({ length: 3 }, () => newDraft())
    for (const draft of drafts) {
      await fund(draft.owner, FUNDS)
      await store.open(draft)
    }
    const [paid, failed, waiting] = drafts.map(({ id }) => id)
    await store.recordAttempt(attemptAt(drafts[0]!))
    await store.giveUp(failed!, 'error')
    const seen: string[] = []
    for (let page = await store.unfinished('', 2); page.length > 0;) {
      expect(page.length).toBeLessThanOrEqual(2)
      seen.push(...page)
      page = await store.unfinished(page.at(-1)!, 2)
    }
    const own = new Set(drafts.map(({ id }) => id))
    expect(seen.filter((id) => own.has(id))).toEqual([paid, waiting].sort())
  })
}

const liveOf = (owner: string) =>
  owner.startsWith('l402:') ? `l402_${owner.slice(5)}` : owner.slice('client:'.length)

/** Nothing is told of 0, or to a provider. */
async function expectBack(
  { told }: StoreRig<PayoutStore>,
  { id, owner }: PayoutDraft,
  amountMsat: bigint,
): Promise<void> {
  const isTold = amountMsat > 0n && !owner.startsWith('provider:')
  const expected = isTold ? [{ accountId: liveOf(owner), amountMsat }] : []
  if (told !== undefined) expect(await told(`po:${id}:back`)).toEqual(expected)
}
