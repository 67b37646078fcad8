import type { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { closeRequestSchema } from '@infernet/openai-compat/openapi/l402-schemas'
import type { PaidToken } from '@infernet/settlement/l402/credential'
import { Hono } from 'hono'
import type { z } from 'zod'
import { answer } from '../answers.ts'
import { identifyAnyAge } from '../auth/identify.ts'
import type { Identity } from '../auth/identity.ts'
import { settlerAway } from '../billing/billing-errors.ts'
import { withdrawalJson } from '../billing/billing-json.ts'
import type { SettlerNode } from '../billing/billing-port.ts'
import { checkAmount, readOrder } from '../billing/order-body.ts'
import { isOrderId } from '../billing/order-id.ts'
import { wakeSettler } from '../billing/wake-settler.ts'
import { checkPayable, withdrawalDraft } from '../billing/withdrawal-draft.ts'
import { closeBundle, type CloseDestination } from '../l402/close-bundle.ts'
import { closingOf } from '../l402/closing.ts'
import { notWhole } from '../l402/l402-errors.ts'
import type { EdgeContext, EdgeEnv, EdgeServices } from '../services.ts'

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
    const body = await readOrder(c, closeRequestSchema)
    const node = await billing.node()
    if (node === undefined) throw settlerAway()
    const wanted = closeDestination(body, node, Math.floor(now() / 1000))
    const withdrawal = await closeBundle(services, accountId, wanted)
    await wakeSettler(services, c)
    return answer(services, c, withdrawalJson(withdrawal, node))
  })
  app.get('/close/:id', async (c) => {
    const { accountId } = await bundleOf(services, c)
    const id = c.req.param('id')
    const row = isOrderId('wd', id) ? await billing.findWithdrawal(accountId, id) : undefined
    if (row === undefined) throw apiErrors.objectNotFound('withdrawal', id)
    return answer(services, c, withdrawalJson(row, await billing.node()))
  })
  return app
}

/** A Lightning address is sent what is left, whatever that will be. */
function closeDestination(
  body: z.infer<typeof closeRequestSchema>,
  node: SettlerNode,
  now: number,
): CloseDestination {
  if (body.invoice === undefined) {
    const { destination } = withdrawalDraft({ ...body, amount_sat: 1 })
    return { destination, amountMsat: undefined }
  }
  const draft = withdrawalDraft(body)
  checkAmount(draft.amountMsat)
  checkPayable(draft, node, now)
  return draft
}

/** Throws ApiError 401 for a bad credential, 400 for an account's key, 503 while its payment is not credited. */
async function bundleOf(
  services: EdgeServices,
  c: EdgeContext,
): Promise<Identity & { readonly bundle: PaidToken }> {
  const identity = await identifyAnyAge(services, c)
  const { accountId, bundle } = identity
  if (bundle === undefined) throw notABundle()
  await services.l402?.funds.credited(accountId, bundle)
  return { ...identity, bundle }
}

const notABundle = (): ApiError =>
  apiErrors.invalidRequest(
    'This is about a bundle: send its L402 credential, not an API key.',
    undefined,
    'not_a_bundle',
  )

const limitsJson = ({ limits }: PaidToken): Record<string, unknown> => ({
  services: limits.services ?? null,
  capabilities: limits.capabilities ?? null,
  model: limits.model ?? null,
  budget_msat: limits.budgetMsat === undefined ? null : String(limits.budgetMsat),
  expires_at: limits.validUntil ?? null,
})
