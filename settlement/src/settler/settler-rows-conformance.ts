import { sql, type SQL } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { newAccountId } from '@infernet/schemas/ids'
import { askRows, type Database } from '../db/database.ts'
import { post } from '../db/post.ts'
import { posting } from '../ledger/posting.ts'
import { payoutFailed, payoutStarted, payoutSucceeded } from '../ledger/payout-events.ts'
import { decidedEscrows, paidJobs, quotedJobs } from './escrow-rows.ts'
import { payableProviders } from './payable-providers.ts'
import { pendingTransfers } from './transfer-loop.ts'
import { fundedWithdrawals } from './withdrawal-loop.ts'

/** What the settler's loops read, on a real database. */
export function testSettlerRows(open: () => Database): void {
  let count = 0
  const name = () => `${Date.now().toString(36)}${count++}`
  const run = (statement: SQL) => askRows(open(), statement)

  describe('rows for the settler', () => {
    it('are the transfers that live balances were not told, in order and by pages', async () => {
      const references = Array.from({ length: 5 }, () => `inv:${name()}`)
      for (const [n, reference] of references.entries())
        await run(sql`
          insert into account_transfers (reference, account_id, amount_msat, created_at, state)
          values (${reference}, 'acct_x', 1, now() - interval '1 year' + ${Math.floor(n / 2)}::integer * interval '1 minute',
            ${n === 1 ? 'done' : 'pending'})`)
      const [first, second] = await pendingTransfers(open(), undefined, 2)
      expect([first?.reference, second?.reference]).toEqual([references[0], references[2]])
      const rest = await pendingTransfers(open(), second, 2)
      expect(rest.map(({ reference }) => reference)).toEqual(references.slice(3))
      await run(sql`delete from account_transfers where account_id = 'acct_x'`)
    })

    it('are withdrawals that are funded and not begun', async () => {
      const ids = ['pending', 'done', 'refused', 'begun'].map((state) => `wd_${name()}_${state}`)
      const destination = { kind: 'ask', whom: 'a@example.org' }
      for (const id of ids) {
        await run(sql`
          insert into withdrawals (id, account_id, amount_msat, fee_reserve_msat, destination)
          values (${id}, 'acct_w', 5000, 1000, ${JSON.stringify(destination)}::jsonb)`)
        const state = id.endsWith('begun') ? 'done' : id.split('_').at(-1)
        await run(sql`
          insert into account_transfers (reference, account_id, amount_msat, state)
          values (${`wd:${id}`}, 'acct_w', -6000, ${state})`)
      }
      await run(sql`update withdrawals set begun_at = now() where id = ${ids[3]!}`)
      const rows = await fundedWithdrawals(open(), 1000)
      expect(rows.filter(({ accountId }) => accountId === 'acct_w')).toEqual([
        { id: ids[1], accountId: 'acct_w', amountMsat: 5000n, feeReserveMsat: 1000n, destination },
      ])
    })

    it('are providers that are owed money, with what the policy asks for', async () => {
      const peer = `12D3KooWowed${name()}`
      const to = { kind: 'lightning_address', address: 'a@example.org' }
      const payout = { to, issued_at: Date.UTC(2026, 0), signature: 'A'.repeat(86) }
      const owner = `provider:${peer}` as const
      const facts = async () => {
        const all = await payableProviders(open(), '', 1000)
        return all.find((one) => one.peer === peer)
      }
      const earn = (amount: bigint, at: number) =>
        post(
          open(),
          posting(`ver:${name()}`, 'verdict_ok', [
            [owner, amount],
            ['equity:operator', -amount],
          ]),
          new Date(at),
        )
      await run(
        sql`insert into providers (id, capability) values (${peer}, ${JSON.stringify({ payout })}::jsonb)`,
      )
      expect(await facts()).toBeUndefined()
      await earn(500n, 1_000)
      await earn(700n, 2_000)
      expect(await facts()).toEqual({
        peer,
        payout,
        owedMsat: 1200n,
        oldestAt: 1_000,
        sentTodayMsat: 0n,
        inFlight: false,
        failures: 0,
        failedAt: undefined,
      })
      const first = { attempt: `po_${name()}`, owner, amount: 600n, feeReserve: 0n }
      await insertPayout(open(), { id: first.attempt, owner, state: 'paying', amount: 600n })
      await post(open(), payoutStarted(first), new Date())
      await earn(50n, 3_000)
      expect(await facts()).toMatchObject({
        owedMsat: 650n,
        oldestAt: 3_000,
        sentTodayMsat: 600n,
        inFlight: true,
      })
      await post(open(), payoutSucceeded(first, 2n), new Date())
      await run(sql`update payouts set state = 'succeeded' where id = ${first.attempt}`)
      const second = { ...first, attempt: `po_${name()}`, amount: 100n }
      await insertPayout(open(), { id: second.attempt, owner, state: 'failed', amount: 100n })
      await run(sql`update payouts set finished_at = to_timestamp(9) where id = ${second.attempt}`)
      await post(open(), payoutStarted(second), new Date())
      await post(open(), payoutFailed(second), new Date())
      expect(await facts()).toMatchObject({
        owedMsat: 650n,
        oldestAt: 3_000,
        sentTodayMsat: 600n,
        inFlight: false,
        failures: 1,
        failedAt: 9_000,
      })
    })

    it('are jobs of a fixed price that need an invoice, a run, or their end at the node', async () => {
      const states = ['quoted', 'open', 'accepted', 'claimed', 'decided', 'settled']
      const ids = new Map(states.map((state) => [state, `job_${name()}_${state}`]))
      const accountId = newAccountId(0)
      for (const [state, id] of ids) {
        const claimed = state === 'claimed' ? sql`now() + interval '1 minute'` : sql`null`
        await run(sql`
          insert into priced_jobs (id, account_id, api_key_id, request_id, endpoint, model, request, price_msat, fee_bps, claimed_until)
          values (${id}, ${accountId}, 'k', 'r', 'chat.completions', 'demo', '{}', 1000000, 100, ${claimed})`)
        if (state === 'quoted') continue
        const held = state === 'claimed' || state === 'decided' ? 'accepted' : state
        const decision = state === 'decided' || state === 'settled' ? '{"kind":"cancel"}' : null
        await run(sql`
          insert into escrows (payment_hash, job, attempt, payer, amount_msat, memo, expiry_seconds, cltv_expiry, state, created_at, decision)
          values (${`hash ${id}`}, ${id}, 0, ${`client:${accountId}`}, 1000000, '', 60, 144, ${held}, 0, ${decision}::jsonb)`)
      }
      const own = (found: readonly string[]) => found.filter((id) => [...ids.values()].includes(id))
      const quoted = (await quotedJobs(open(), 1000)).filter((job) => job.accountId === accountId)
      expect(quoted).toEqual([
        { id: ids.get('quoted'), accountId, model: 'demo', priceMsat: 1_000_000n },
      ])
      expect(own(await paidJobs(open(), 1000))).toEqual([ids.get('accepted')])
      expect(await decidedEscrows(open(), 1000)).toContain(`hash ${ids.get('decided')}`)
      expect(await decidedEscrows(open(), 1000)).not.toContain(`hash ${ids.get('settled')}`)
      await run(sql`delete from escrows where payer = ${`client:${accountId}`}`)
      await run(sql`delete from priced_jobs where account_id = ${accountId}`)
    })
  })
}

const insertPayout = (
  db: Database,
  payout: {
    readonly id: string
    readonly owner: string
    readonly state: string
    readonly amount?: bigint
  },
) =>
  askRows(
    db,
    sql`
    insert into payouts (id, owner, amount_msat, fee_reserve_msat, fee_limit_msat, destination, state)
    values (${payout.id}, ${payout.owner}, ${String(payout.amount ?? 1n)}::bigint, 0, 0, '{}', ${payout.state})`,
  )
