import { Hono } from 'hono'
import { answer } from '../answers.ts'
import { identify } from '../auth/identify.ts'
import type { EdgeEnv, EdgeServices } from '../services.ts'

/**
 * GET /v1/credits: what the account has bought and used, in OpenRouter's words, and what is left of it
 * now. Credits and usage are in msat, like `usage.cost`; what is held for running requests is not used
 * yet.
 */
export function credits(services: EdgeServices): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>()
  app.get('/', async (c) => {
    const { accounts, store } = services
    const { accountId } = await identify(services, c)
    await accounts.flush(accountId)
    const [{ totalMsat, usedMsat }, balance] = await Promise.all([
      store.credits(accountId),
      accounts.balance(accountId),
    ])
    const data = {
      total_credits: totalMsat,
      total_usage: usedMsat,
      total_credits_sat: totalMsat / 1000,
      total_usage_sat: usedMsat / 1000,
      available_msat: String(balance.availableMsat),
      reserved_msat: String(balance.reservedMsat),
    }
    return answer(services, c, { data })
  })
  return app
}
