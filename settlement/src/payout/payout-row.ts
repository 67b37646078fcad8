import type { payoutAttempts, payouts } from '@infernet/schemas/settlement-tables'
import { z } from 'zod'
import type { PaymentFailure } from '../lightning/lightning-backend.ts'
import type { DestinationErrorCode } from './destination-guard.ts'
import type { Attempt, AttemptDraft, Payout, PayoutDestination } from './payout-store.ts'

type PayoutRow = typeof payouts.$inferSelect
type AttemptRow = typeof payoutAttempts.$inferSelect

/** Named one by one, so that a new reason is not forgotten here. */
const PAYMENT_FAILURES = {
  timeout: 'timeout',
  no_route: 'no_route',
  error: 'error',
  incorrect_payment_details: 'incorrect_payment_details',
  insufficient_balance: 'insufficient_balance',
  canceled: 'canceled',
  invoice_expired: 'invoice_expired',
} as const satisfies { [Failure in PaymentFailure]: Failure }

const DESTINATION_ERRORS = {
  unreadable: 'unreadable',
  network: 'network',
  amount: 'amount',
  payee: 'payee',
  self: 'self',
  expiry: 'expiry',
  cltv: 'cltv',
} as const satisfies { [Code in DestinationErrorCode]: Code }

const attemptFailureSchema = z.enum(PAYMENT_FAILURES)
const payoutFailureSchema = z.enum({
  ...PAYMENT_FAILURES,
  ...DESTINATION_ERRORS,
  hash_used: 'hash_used',
  no_invoice: 'no_invoice',
})

const keysendSchema = z.object({ kind: z.literal('keysend'), pubkey: z.string() })
const payeeSchema = z.string().exactOptional()

/** A destination as `payouts` and `withdrawals` have it. */
export const destinationSchema: z.ZodType<PayoutDestination> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('bolt11'), bolt11: z.string(), payee: payeeSchema }),
  z.object({ kind: z.literal('ask'), whom: z.string(), payee: payeeSchema }),
  keysendSchema,
])

const targetSchema: z.ZodType<AttemptDraft['to']> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('bolt11'), bolt11: z.string() }),
  keysendSchema,
])

const ownerSchema = z.union([
  z.templateLiteral(['provider:', z.string()]),
  z.templateLiteral(['client:', z.string()]),
  z.templateLiteral(['l402:', z.string()]),
])

/** Throws ZodError on a row that no payout store has written. */
export const payoutOf = (row: PayoutRow, attempts: readonly AttemptRow[]): Payout => ({
  id: row.id,
  owner: ownerSchema.parse(row.owner),
  amountMsat: row.amountMsat,
  feeReserveMsat: row.feeReserveMsat,
  feeLimitMsat: row.feeLimitMsat,
  destination: destinationSchema.parse(row.destination),
  state: row.state,
  attempts: attempts.map(attemptOf),
  ...(row.failure !== null && { failure: payoutFailureSchema.parse(row.failure) }),
})

const attemptOf = (row: AttemptRow): Attempt => ({
  payout: row.payoutId,
  number: row.number,
  paymentHash: row.paymentHash,
  to: targetSchema.parse(row.target),
  state: row.state,
  ...(row.preimage !== null &&
    row.feeMsat !== null && { proof: { preimage: row.preimage, feeMsat: row.feeMsat } }),
  ...(row.failure !== null && { failure: attemptFailureSchema.parse(row.failure) }),
})
