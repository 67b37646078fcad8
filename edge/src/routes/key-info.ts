import { Hono } from 'hono'
import { answer } from '../answers.ts'
import { identify } from '../auth/identify.ts'
import type { RateWindow, ScopeUsage } from '../ports.ts'
import type { EdgeEnv, EdgeServices } from '../services.ts'
import { limitsJson } from './operator-limits.ts'

/**
 * GET /v1/key: the key's daily budget in OpenRouter's words, then all limits of the key and of its
 * account and what is left of them. Amounts are decimal strings of msat; days begin at 00:00 UTC.
 */
export function keyInfo(services: EdgeServices): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>()
  app.get('/key', async (c) => {
    const identity = await identify(services, c)
    const { accountId, apiKeyId, limits } = identity
    const { key, account } = await services.accounts.keyUsage(accountId, apiKeyId, limits)
    const data = {
      id: apiKeyId,
      limit: amount(limits.key.budgetMsatPerDay),
      limit_remaining: amount(key.budgetLeftMsat),
      limit_reset: limits.key.budgetMsatPerDay === null ? null : 'daily',
      usage_daily: amount(key.spentTodayMsat),
      key: usageJson(key),
      account: { id: accountId, ...usageJson(account) },
    }
    return answer(services, c, { data })
  })
  return app
}

const usageJson = (usage: ScopeUsage): Record<string, unknown> => ({
  limits: limitsJson(usage.limits),
  spent_today_msat: amount(usage.spentTodayMsat),
  reserved_msat: amount(usage.reservedMsat),
  open_jobs: usage.openHolds,
  budget_left_msat: amount(usage.budgetLeftMsat),
  requests: windowJson(usage.requests),
  tokens: windowJson(usage.tokens),
})

/** A minute's limit, which is null where there is none. */
const windowJson = (window: RateWindow | undefined): Record<string, number> | null =>
  window === undefined
    ? null
    : { limit: window.limit, remaining: window.remaining, reset_ms: window.resetMs }

const amount = (msat: number | null): string | null => (msat === null ? null : String(msat))
