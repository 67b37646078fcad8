import { apiErrors } from '@infernet/openai-compat/api-errors'
import { parseJsonBody } from '@infernet/openai-compat/json-body'
import type { PaidToken } from '@infernet/settlement/l402/credential'
import { Hono } from 'hono'
import { answer } from '../answers.ts'
import { identifyAnyAge } from '../auth/identify.ts'
import type { Identity } from '../auth/identity.ts'
import type { StoredWithdrawal } from '../billing/billing-port.ts'
import { closeBundle } from '../l402/close-bundle.ts'
import { closeDestination, closeSchema } from '../l402/close-destination.ts'
import { closingOf } from '../l402/closing.ts'
import { badCredential, noSettler, notWhole } from '../l402/l402-errors.ts'
import { SETTLER_NODE_TTL_MS } from '../limits.ts'
import { readBody } from '../request-body.ts'
import type { EdgeContext, EdgeEnv, EdgeServices } from '../services.ts'

/** An invoice at its longest, in JSON. */
const MAX_BODY_BYTES = 16 * 1024

/**
 * GET /v1/l402: what is left of the bundle that the request's credential is for. POST /v1/l402/close has
 * the rest paid out, to an invoice or a Lightning address; GET /v1/l402/close/{id} says how far that is.
 * A token that has expired still does all of this. Amounts are decimal strings of msat.
 */
export function l402(services: EdgeServices): Hono<EdgeEnv> {
  const { accounts, billing, now } = services
  const app = new Hono<EdgeEnv>()
  app.get('/', async (c) => {
    const { accountId, bundle } = await bundleOf(services, c)
    const balance = await accounts.balance(accountId)
    const closing = closingOf(BigInt(balance.availableMsat))
    return answer(services, c, {
      object: 'l402_bundle',
      payment_hash: bundle.paymentHash,
      available_msat: String(balance.availableMsat),
      reserved_msat: String(balance.reservedMsat),
      open_jobs: balance.openHolds,
      limits: limitsJson(bundle),
      can_close: bundle.whole,
      closable_msat: bundle.whole ? String(closing?.amountMsat ?? 0) : '0',
    })
  })
  app.post('/close', async (c) => {
    const { accountId, bundle } = await bundleOf(services, c)
    if (!bundle.whole) throw notWhole()
    const parsed = closeSchema.safeParse(parseJsonBody(await readBody(c.req.raw, MAX_BODY_BYTES)))
    if (!parsed.success) throw apiErrors.invalidRequest(parsed.error.issues[0]?.message ?? '')
    const node = await billing.node()
    if (node === undefined) throw noSettler(SETTLER_NODE_TTL_MS)
    const wanted = closeDestination(parsed.data, node, Math.floor(now() / 1000))
    const withdrawal = await closeBundle(services, accountId, wanted)
    return answer(services, c, withdrawalJson(withdrawal, node.simulated))
  })
  app.get('/close/:id', async (c) => {
    const { accountId } = await bundleOf(services, c)
    const id = c.req.param('id')
    const [withdrawal, node] = await Promise.all([
      billing.findWithdrawal(accountId, id),
      billing.node(),
    ])
    if (withdrawal === undefined) throw apiErrors.objectNotFound('withdrawal', id)
    return answer(services, c, withdrawalJson(withdrawal, node?.simulated))
  })
  return app
}

/** Throws ApiError 401 for what is no good L402 credential, 503 while its payment is not credited. */
async function bundleOf(
  services: EdgeServices,
  c: EdgeContext,
): Promise<Identity & { readonly bundle: PaidToken }> {
  const identity = await identifyAnyAge(services, c)
  const { accountId, bundle } = identity
  if (bundle === undefined) throw badCredential('missing')
  await services.l402?.funds.credited(accountId, bundle)
  return { ...identity, bundle }
}

const limitsJson = ({ limits }: PaidToken): Record<string, unknown> => ({
  services: limits.services ?? null,
  capabilities: limits.capabilities ?? null,
  model: limits.model ?? null,
  budget_msat: limits.budgetMsat === undefined ? null : String(limits.budgetMsat),
  expires_at: limits.validUntil ?? null,
})

function withdrawalJson(
  withdrawal: StoredWithdrawal,
  simulated: boolean | undefined,
): Record<string, unknown> {
  const { id, funding, payout, feeMsat } = withdrawal
  return {
    id,
    object: 'withdrawal',
    status: funding === 'refused' ? 'failed' : (payout ?? 'open'),
    amount_msat: String(withdrawal.amountMsat),
    fee_reserve_msat: String(withdrawal.feeReserveMsat),
    fee_msat: feeMsat === undefined ? null : String(feeMsat),
    preimage: withdrawal.preimage ?? null,
    failure: funding === 'refused' ? 'refused' : (withdrawal.failure ?? null),
    created: Math.floor(withdrawal.createdAt / 1000),
    /** null while nobody settles. */
    simulated: simulated ?? null,
  }
}
