import type { topUps } from '@infernet/schemas/settlement-tables'
import { z } from 'zod'
import type { NewTopUp, TopUp } from './invoice-store.ts'

export type TopUpRow = typeof topUps.$inferSelect

/** Whose credit a top-up can be. */
const creditedSchema = z.union([
  z.templateLiteral(['client:', z.string()]),
  z.templateLiteral(['l402:', z.string()]),
])

/** Undefined for a row that was ordered and has no payment hash yet. */
export function topUpOf(row: TopUpRow): TopUp | undefined {
  if (row.paymentHash === null) return undefined
  return {
    id: row.id,
    to: creditedSchema.parse(row.creditedTo),
    amountMsat: row.amountMsat,
    memo: row.memo,
    expirySeconds: row.expirySeconds,
    paymentHash: row.paymentHash,
    state: row.state,
    createdAt: row.createdAt,
    bolt11: row.bolt11 ?? undefined,
    expiresAt: row.expiresAt ?? undefined,
    paidMsat: row.paidMsat,
  }
}

export const isSameOrder = (row: TopUp, request: NewTopUp): boolean =>
  row.paymentHash === request.paymentHash &&
  row.to === request.to &&
  row.amountMsat === request.amountMsat &&
  row.memo === request.memo &&
  row.expirySeconds === request.expirySeconds
