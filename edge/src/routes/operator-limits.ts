import { MoneyError, parseMsat } from '@infernet/schemas/money'
import { z } from 'zod'
import type { SpendLimits } from '../ports.ts'

/** What Postgres holds in an `integer`. */
const MAX_COUNT = 2 ** 31 - 1
const count = z.int().min(1).max(MAX_COUNT).nullable().optional()
const budget = z
  .string()
  .transform((text, context) => {
    try {
      return parseMsat(text)
    } catch (error) {
      if (!(error instanceof MoneyError)) throw error
      context.addIssue(error.message)
      return z.NEVER
    }
  })
  .nullable()
  .optional()

/** The limits of an account or a key in the operator's JSON: null is without limit. */
export const limitFields = {
  requests_per_minute: count,
  tokens_per_minute: count,
  max_concurrent: count,
  budget_msat_per_day: budget,
}

type LimitsBody = z.infer<z.ZodObject<typeof limitFields>>

/** The limits that a body names. */
export function limitsOf(body: LimitsBody): Partial<SpendLimits> {
  const { requests_per_minute, tokens_per_minute, max_concurrent, budget_msat_per_day } = body
  return {
    ...(requests_per_minute === undefined ? {} : { requestsPerMinute: requests_per_minute }),
    ...(tokens_per_minute === undefined ? {} : { tokensPerMinute: tokens_per_minute }),
    ...(max_concurrent === undefined ? {} : { maxConcurrent: max_concurrent }),
    ...(budget_msat_per_day === undefined ? {} : { budgetMsatPerDay: budget_msat_per_day }),
  }
}

export const limitsJson = (limits: SpendLimits): Record<string, number | string | null> => ({
  requests_per_minute: limits.requestsPerMinute,
  tokens_per_minute: limits.tokensPerMinute,
  max_concurrent: limits.maxConcurrent,
  budget_msat_per_day: limits.budgetMsatPerDay === null ? null : String(limits.budgetMsatPerDay),
})
