import type { escrows } from '@infernet/schemas/settlement-tables'
import { z } from 'zod'
import { toJsonb } from '../db/database.ts'
import type { CancelReason, EscrowDecision, EscrowRow, NewEscrow } from './escrow-store.ts'

/** Named one by one, so that a new reason is not forgotten here. */
const CANCEL_REASONS = {
  bad_verdict: 'bad_verdict',
  withdrawn: 'withdrawn',
  guardian: 'guardian',
  auto_cancelled: 'auto_cancelled',
  expired: 'expired',
} as const satisfies { [Reason in CancelReason]: Reason }

const reasonSchema = z.enum(CANCEL_REASONS)
const msatSchema = z.string().regex(/^\d+$/).transform(BigInt)
const payerSchema = z.templateLiteral(['client:', z.string()])

const decisionSchema: z.ZodType<EscrowDecision> = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('settle'),
    legs: z.array(z.object({ provider: z.string(), gross: msatSchema })),
    feeBps: z.int(),
  }),
  z.object({ kind: z.literal('cancel'), reason: reasonSchema }),
])

/** A decision as jsonb has it: amounts are decimal strings. */
export const decisionJson = (decision: EscrowDecision): string =>
  toJsonb(
    decision.kind === 'cancel'
      ? decision
      : {
          ...decision,
          legs: decision.legs.map(({ provider, gross }) => ({ provider, gross: String(gross) })),
        },
  )

/** Throws ZodError on a row that no escrow store has written. */
export const escrowOf = (row: typeof escrows.$inferSelect): EscrowRow => ({
  job: row.job,
  attempt: row.attempt,
  payer: payerSchema.parse(row.payer),
  amountMsat: row.amountMsat,
  memo: row.memo,
  expirySeconds: row.expirySeconds,
  cltvExpiry: row.cltvExpiry,
  paymentHash: row.paymentHash,
  state: row.state,
  createdAt: row.createdAt,
  bolt11: row.bolt11 ?? undefined,
  expiresAt: row.expiresAt ?? undefined,
  htlcExpiryHeight: row.htlcExpiryHeight ?? undefined,
  decision: row.decision === null ? undefined : decisionSchema.parse(row.decision),
  paidMsat: row.paidMsat,
  cancelReason: row.cancelReason === null ? undefined : reasonSchema.parse(row.cancelReason),
})

export const isSameEscrow = (row: EscrowRow, request: NewEscrow): boolean =>
  row.job === request.job &&
  row.attempt === request.attempt &&
  row.payer === request.payer &&
  row.amountMsat === request.amountMsat &&
  row.memo === request.memo &&
  row.expirySeconds === request.expirySeconds &&
  row.cltvExpiry === request.cltvExpiry
