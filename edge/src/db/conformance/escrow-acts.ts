import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { DbPort } from '@infernet/settlement/db/db-port'
import type { EscrowActs } from '../../testing/memory-priced-jobs.ts'

/** As escrows have it in Postgres, amounts being decimal strings. */
const decisionSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('settle'),
    legs: z.array(
      z.strictObject({ provider: z.string(), gross: z.string().transform((text) => BigInt(text)) }),
    ),
    feeBps: z.int(),
  }),
  z.strictObject({
    kind: z.literal('cancel'),
    reason: z.enum(['bad_verdict', 'withdrawn', 'guardian', 'auto_cancelled', 'expired']),
  }),
])

/** A settler's part of the escrows of priced jobs in Postgres, without its node and without its postings. */
export function escrowActs(port: DbPort): EscrowActs {
  return {
    async escrow(job, { state, decision, bolt11, expiresAt, cancelReason }) {
      const insert = `insert into escrows (payment_hash, job, attempt, payer, amount_msat, memo, expiry_seconds,
          cltv_expiry, created_at, state, decision, bolt11, expires_at, cancel_reason)
        select $1, id, 0, owner_code(account_id), price_msat, '', 900, 144, 0, $3, $4::jsonb, $5, $6, $7
        from priced_jobs where id = $2
        on conflict (job, attempt) do update set state = excluded.state, bolt11 = excluded.bolt11,
          decision = coalesce(excluded.decision, escrows.decision), expires_at = excluded.expires_at,
          cancel_reason = excluded.cancel_reason`
      const text = JSON.stringify(decision, (_key, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      )
      const hash = createHash('sha256').update(job).digest('hex')
      const rest = [bolt11 ?? null, expiresAt ?? null, cancelReason ?? null]
      await port.query(insert, [hash, job, state, text ?? null, ...rest])
    },
    async decision(job) {
      const [row] = await port.query('select decision from escrows where job = $1', [job])
      const text = z.string().nullish().parse(row?.[0]) ?? undefined
      return text === undefined ? undefined : decisionSchema.parse(JSON.parse(text))
    },
  }
}
