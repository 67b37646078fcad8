import type { DbPort } from '@infernet/settlement/db/db-port'
import type { SettlerActs } from '../../testing/memory-billing.ts'

/** A settler's part of the money rows in Postgres, without its node and without its postings. */
export function settlerActs(port: DbPort): SettlerActs {
  const run = async (sql: string, ...params: unknown[]): Promise<void> => {
    await port.query(sql, params)
  }
  const end = async (withdrawal: string, state: string, failure: string | null): Promise<void> =>
    run('update payouts set state = $2, failure = $3 where id = $1', withdrawal, state, failure)
  return {
    async runs(node) {
      const insert = `insert into settler_lease
        (id, holder, epoch, expires_at, node_pubkey, network, simulated)
        values (1, 'test', 1, now() + interval '1 hour', $1, $2, $3)
        on conflict (id) do update set expires_at = excluded.expires_at,
          node_pubkey = excluded.node_pubkey, network = excluded.network, simulated = excluded.simulated`
      if (node !== undefined) return run(insert, node.pubkey, node.network, node.simulated)
      return run(`update settler_lease set expires_at = now() - interval '1 second'`)
    },
    opened: (topUp, hash, bolt11, expiresAt) =>
      run(
        `update top_ups set state = 'open', payment_hash = $2, bolt11 = $3, expires_at = $4,
           credited_to = coalesce(credited_to, 'l402:' || $2) where id = $1`,
        topUp,
        hash,
        bolt11,
        expiresAt,
      ),
    expired: (topUp) => run(`update top_ups set state = 'expired' where id = $1`, topUp),
    settled: (topUp, paidMsat) =>
      run(
        `with moved as (
           update top_ups set state = 'settled', paid_msat = $2, settled_at = now()
           where id = $1 returning payment_hash, credited_to, paid_msat
         ) select tell_account('inv:' || payment_hash, credited_to, paid_msat) from moved`,
        topUp,
        paidMsat,
      ),
    async paying(withdrawal) {
      const insert = `insert into payouts
        (id, owner, amount_msat, fee_reserve_msat, fee_limit_msat, destination, state)
        select id, owner_code(account_id), amount_msat, fee_reserve_msat, fee_reserve_msat, destination, 'paying'
        from withdrawals where id = $1`
      await run(insert, withdrawal)
    },
    async succeeded(withdrawal, preimage, feeMsat) {
      const insert = `insert into payout_attempts
        (payout_id, number, payment_hash, target, state, preimage, fee_msat)
        values ($1, 1, 'hash of ' || $1, '{}', 'failed', null, null),
          ($1, 2, 'second of ' || $1, '{}', 'succeeded', $2, $3)`
      await run(insert, withdrawal, preimage, feeMsat)
      await end(withdrawal, 'succeeded', null)
    },
    failed: (withdrawal, failure) => end(withdrawal, 'failed', failure),
  }
}
