import { apiErrors } from '@infernet/openai-compat/api-errors'
import { parseJsonBody } from '@infernet/openai-compat/json-body'
import type {
  topUpRequestSchema,
  withdrawalRequestSchema,
} from '@infernet/openai-compat/openapi/billing-schemas'
import { checkShape } from '@infernet/openai-compat/zod-issue'
import { IntakeError } from '@infernet/settlement/intake/intake-error'
import { checkOrder } from '@infernet/settlement/intake/order-limits'
import type { z } from 'zod'
import { MAX_ORDER_BODY_BYTES, TOP_UP_EXPIRY_SECONDS } from '../limits.ts'
import { readBody } from '../request-body.ts'
import type { EdgeContext } from '../services.ts'

type AmountFields = Pick<
  z.infer<typeof topUpRequestSchema | typeof withdrawalRequestSchema>,
  'amount_sat' | 'amount_msat'
>

/** The request's body under this schema. Throws ApiError 400, 413, 415. */
export async function readOrder<Schema extends z.ZodType>(
  c: EdgeContext,
  schema: Schema,
): Promise<z.output<Schema>> {
  const body = parseJsonBody(await readBody(c.req.raw, MAX_ORDER_BODY_BYTES))
  checkShape(schema, body)
  return body
}

/** The amount in msat; undefined when none is named. Throws ApiError 400 for two. */
export function amountOf(body: AmountFields): bigint | undefined {
  const { amount_sat: sat, amount_msat: msat } = body
  if (sat !== undefined && msat !== undefined) {
    throw apiErrors.invalidRequest("Give 'amount_sat' or 'amount_msat', not both.", 'amount_msat')
  }
  if (msat !== undefined) return BigInt(msat)
  return sat === undefined ? undefined : BigInt(sat) * 1000n
}

/** The same. Throws ApiError 400 also for none. */
export function requiredAmount(body: AmountFields): bigint {
  const amount = amountOf(body)
  if (amount !== undefined) return amount
  throw apiErrors.invalidRequest(
    "Missing required parameter: 'amount_sat' (or 'amount_msat').",
    'amount_sat',
    'missing_required_parameter',
  )
}

/** Throws ApiError 400 for an amount or a memo that no invoice is made of. */
export function checkAmount(amountMsat: bigint, memo = ''): void {
  try {
    checkOrder({ amountMsat, memo, expirySeconds: TOP_UP_EXPIRY_SECONDS })
  } catch (error) {
    if (!(error instanceof IntakeError)) throw error
    throw apiErrors.invalidRequest(`Invalid order: ${error.message}.`, undefined, 'invalid_value')
  }
}
