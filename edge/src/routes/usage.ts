import { apiErrors } from '@infernet/openai-compat/api-errors'
import { Hono } from 'hono'
import { answer } from '../answers.ts'
import { identify } from '../auth/identify.ts'
import type { EdgeContext, EdgeEnv, EdgeServices } from '../services.ts'

const DAY_MS = 86_400_000
const DEFAULT_DAYS = 30
const MAX_DAYS = 90
/** Ten models on each of 90 days; more models than that, and the oldest days are left out. */
const MAX_ROWS = 900

/**
 * GET /v1/usage?days=: what the account has used on each of the last days, today included, by model. Days
 * begin at 00:00 UTC; costs are decimal strings of msat.
 */
export function usage(services: EdgeServices): Hono<EdgeEnv> {
  const { accounts, store, now } = services
  const app = new Hono<EdgeEnv>()
  app.get('/', async (c) => {
    const { accountId } = await identify(services, c)
    const days = daysOf(c)
    await accounts.flush(accountId)
    const today = Math.floor(now() / DAY_MS) * DAY_MS
    const rows = await store.usageByDay(accountId, today - (days - 1) * DAY_MS, MAX_ROWS + 1)
    const data = rows.slice(0, MAX_ROWS).map((row) => ({
      object: 'usage.day',
      date: row.date,
      model: row.model,
      requests: row.requests,
      prompt_tokens: row.promptTokens,
      completion_tokens: row.completionTokens,
      cost_msat: String(row.costMsat),
    }))
    return answer(services, c, { object: 'list', data, has_more: rows.length > MAX_ROWS })
  })
  return app
}

/** Throws ApiError 400. */
function daysOf(c: EdgeContext): number {
  const wanted = c.req.query('days') ?? String(DEFAULT_DAYS)
  const days = /^\d{1,2}$/.test(wanted) ? Number(wanted) : 0
  if (days >= 1 && days <= MAX_DAYS) return days
  throw apiErrors.invalidRequest(
    `Invalid 'days': expected an integer from 1 to ${MAX_DAYS}.`,
    'days',
    'invalid_value',
  )
}
