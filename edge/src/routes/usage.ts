import { Hono } from 'hono'
import { answer } from '../answers.ts'
import { identify } from '../auth/identify.ts'
import type { EdgeEnv, EdgeServices } from '../services.ts'
import { queryInteger } from './query-integer.ts'

const DAY_MS = 86_400_000
const DAYS = { absent: 30, most: 90 }
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
    const days = queryInteger(c, 'days', DAYS)
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
