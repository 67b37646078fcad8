import { settlerLease } from '@infernet/schemas/settlement-tables'
import type { Database } from '@infernet/settlement/db/database'
import { testPayoutStore } from '@infernet/settlement/payout/payout-store-conformance'
import type { PayoutDraft } from '@infernet/settlement/payout/payout-store'
import { PgPayoutStore } from '@infernet/settlement/payout/pg-payout-store'
import { describe, expect, it } from 'vitest'
import { newName, pgRig } from './store-rig.ts'

/** The epoch that the rows of the suite are written under. */
const EPOCH = 2 ** 40
const FUNDS = 10_000n
const KEYSEND = { kind: 'keysend', pubkey: '02ab' } as const

const newDraft = (): PayoutDraft => ({
  id: `po_${newName()}`,
  owner: `client:acct_${newName()}`,
  amountMsat: 1_000n,
  feeReserveMsat: 10n,
  feeLimitMsat: 10n,
  destination: KEYSEND,
})
const attemptOf = (payout: string) => ({
  payout,
  number: 1,
  paymentHash: newName(),
  to: KEYSEND,
})

/** Gives the lease to whoever has `epoch`. */
async function lease(db: Database, epoch: number): Promise<void> {
  const row = {
    holder: newName(),
    epoch,
    expiresAt: new Date(),
    nodePubkey: '02',
    network: 'regtest',
    simulated: true,
  }
  await db
    .insert(settlerLease)
    .values({ id: 1, ...row })
    .onConflictDoUpdate({ target: settlerLease.id, set: row })
}

export function testPayouts(open: () => Database): void {
  const lost = { name: 'PayoutStoreError', code: 'lease_lost' }
  const openRig = async () => {
    await lease(open(), EPOCH)
    return pgRig(open(), new PgPayoutStore({ db: open(), epoch: EPOCH }))
  }

  describe('payouts in Postgres', () => {
    testPayoutStore(openRig)

    it('opens nothing and records nothing under another epoch', async () => {
      const { store, fund, balanceOf } = await openRig()
      const [draft, next] = [newDraft(), newDraft()]
      for (const { owner } of [draft, next]) await fund(owner, FUNDS)
      await store.open(draft)
      await lease(open(), EPOCH + 1)
      await expect(store.open(next)).rejects.toMatchObject(lost)
      await expect(store.open(draft)).rejects.toMatchObject(lost)
      await expect(store.recordAttempt(attemptOf(draft.id))).rejects.toMatchObject(lost)
      await expect(store.read(next.id)).rejects.toMatchObject({ code: 'not_found' })
      expect(await balanceOf(next.owner)).toBe(FUNDS)
      expect(await store.read(draft.id)).toMatchObject({ state: 'open', attempts: [] })

      const heir = new PgPayoutStore({ db: open(), epoch: EPOCH + 1 })
      await heir.open(next)
      await heir.recordAttempt(attemptOf(draft.id))
      await expect(store.recordAttempt(attemptOf(draft.id))).rejects.toMatchObject(lost)
      // What the node has said is true whoever writes it down.
      await store.attemptFailed(draft.id, 1, 'no_route')
      await store.giveUp(draft.id, 'no_route')
      expect(await balanceOf(draft.owner)).toBe(FUNDS)
    })

    it('opens nothing once the lease is gone, which may be at the same moment', async () => {
      const { store, fund } = await openRig()
      const drafts = Array.from({ length: 20 }, newDraft)
      for (const { owner } of drafts) await fund(owner, FUNDS)
      const [outcomes] = await Promise.all([
        Promise.allSettled(drafts.map((draft) => store.open(draft))),
        lease(open(), EPOCH + 1),
      ])
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(lost)
      await expect(store.open(newDraft())).rejects.toMatchObject(lost)
    })
  })
}
