import { apiErrors } from '@infernet/openai-compat/api-errors'
import { withdrawalRequestSchema } from '@infernet/openai-compat/openapi/billing-schemas'
import type { AccountId } from '@infernet/schemas/ids'
import { feeLimit } from '@infernet/settlement/payout/payout-policy'
import { Hono } from 'hono'
import { answer } from '../answers.ts'
import { credentialsOf } from '../auth/credentials.ts'
import {
  keyMayNotWithdraw,
  settlerAway,
  tooManyOpen,
  withdrawalUncovered,
} from '../billing/billing-errors.ts'
import { isUnfinished, withdrawalJson } from '../billing/billing-json.ts'
import type { StoredWithdrawal } from '../billing/billing-port.ts'
import { checkAmount, readOrder } from '../billing/order-body.ts'
import { isOrderId, orderId } from '../billing/order-id.ts'
import { wakeSettler } from '../billing/wake-settler.ts'
import {
  checkPayable,
  isSameDestination,
  withdrawalDraft,
  type WithdrawalDraft,
} from '../billing/withdrawal-draft.ts'
import { idempotencyKey } from '../inference/idempotent-answer.ts'
import { MAX_OPEN_WITHDRAWALS, RECENT_ORDERS } from '../limits.ts'
import type { EdgeContext, EdgeEnv, EdgeServices } from '../services.ts'
import { pageLimit } from './page-limit.ts'

/** `/v1/billing/withdrawals`: orders payments of credit to its owner, and says what became of them. */
export function withdrawals(services: EdgeServices): Hono<EdgeEnv> {
  const { billing, keys } = services
  const app = new Hono<EdgeEnv>()
  app.post('/', async (c) => {
    const { accountId, limits } = await keys.identify(credentialsOf(c))
    if (limits.key.budgetMsatPerDay !== null) throw keyMayNotWithdraw()
    const draft = withdrawalDraft(await readOrder(c, withdrawalRequestSchema))
    checkAmount(draft.amountMsat)
    const key = idempotencyKey(c)
    const id = orderId('wd', accountId, key)
    const before = key === undefined ? undefined : await billing.findWithdrawal(accountId, id)
    if (before === undefined) await order(services, c, { id, accountId, draft })
    const row = before ?? (await billing.findWithdrawal(accountId, id))
    if (row === undefined) throw new Error(`withdrawal ${id} is gone`)
    if (!isSame(row, draft)) throw apiErrors.idempotencyConflict()
    const headers: Record<string, string> =
      before === undefined ? {} : { 'idempotency-replayed': 'true' }
    return answer(services, c, withdrawalJson(row, await billing.node()), 201, headers)
  })
  app.get('/', async (c) => {
    const { accountId } = await keys.identify(credentialsOf(c))
    const limit = pageLimit(c)
    const [rows, node] = await Promise.all([
      billing.withdrawalsOf(accountId, limit),
      billing.node(),
    ])
    return answer(services, c, {
      object: 'list',
      data: rows.map((row) => withdrawalJson(row, node)),
    })
  })
  app.get('/:id', async (c) => {
    const { accountId } = await keys.identify(credentialsOf(c))
    const id = c.req.param('id')
    const row = isOrderId('wd', id) ? await billing.findWithdrawal(accountId, id) : undefined
    if (row === undefined) throw apiErrors.objectNotFound('withdrawal', id)
    return answer(services, c, withdrawalJson(row, await billing.node()))
  })
  return app
}

/**
 * Writes the order down; the settler has its money taken before it pays. Throws ApiError 402 when it
 * isn't covered now, 400 for an invoice that our node won't pay, 429, 503.
 */
async function order(
  services: EdgeServices,
  c: EdgeContext,
  { id, accountId, draft }: { id: string; accountId: AccountId; draft: WithdrawalDraft },
): Promise<void> {
  const { billing, accounts, now } = services
  const node = await billing.node()
  if (node === undefined) throw settlerAway()
  checkPayable(draft, node, Math.floor(now() / 1000))
  const feeReserveMsat = feeLimit(draft.amountMsat)
  const needed = draft.amountMsat + feeReserveMsat
  const available = BigInt((await accounts.balance(accountId)).availableMsat)
  if (available < needed) throw withdrawalUncovered(needed, feeReserveMsat, available)
  const recent = await billing.withdrawalsOf(accountId, RECENT_ORDERS)
  if (recent.filter(isUnfinished).length >= MAX_OPEN_WITHDRAWALS) {
    throw tooManyOpen('withdrawals', MAX_OPEN_WITHDRAWALS)
  }
  await billing.orderWithdrawal({ id, accountId, ...draft, feeReserveMsat })
  await wakeSettler(services, c)
}

const isSame = (row: StoredWithdrawal, { amountMsat, destination }: WithdrawalDraft): boolean =>
  row.amountMsat === amountMsat && isSameDestination(row.destination, destination)
