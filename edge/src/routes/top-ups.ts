import { apiErrors } from '@infernet/openai-compat/api-errors'
import { topUpRequestSchema } from '@infernet/openai-compat/openapi/billing-schemas'
import type { AccountId } from '@infernet/schemas/ids'
import { Hono } from 'hono'
import { answer } from '../answers.ts'
import { credentialsOf } from '../auth/credentials.ts'
import { settlerAway, tooManyOpen } from '../billing/billing-errors.ts'
import { topUpJson, topUpListJson } from '../billing/billing-json.ts'
import type { StoredTopUp, TopUpRequest } from '../billing/billing-port.ts'
import { invoiceQr } from '../billing/invoice-qr.ts'
import { OpenStreams } from '../billing/open-streams.ts'
import { checkAmount, readOrder, requiredAmount } from '../billing/order-body.ts'
import { isOrderId, orderId } from '../billing/order-id.ts'
import { awaitInvoice, readTopUp, topUpEvents } from '../billing/top-up-watch.ts'
import { wakeSettler } from '../billing/wake-settler.ts'
import { idempotencyKey } from '../inference/idempotent-answer.ts'
import {
  MAX_OPEN_TOP_UPS,
  MAX_TOP_UP_STREAMS,
  MAX_TOP_UP_STREAMS_PER_ACCOUNT,
  RECENT_ORDERS,
  TOP_UP_EXPIRY_SECONDS,
} from '../limits.ts'
import type { EdgeContext, EdgeEnv, EdgeServices } from '../services.ts'
import { pageLimit } from './page-limit.ts'

const DEFAULT_MEMO = 'Infernet credit'

/** `/v1/billing/topups`: orders invoices that buy credit, and says what became of them. */
export function topUps(services: EdgeServices): Hono<EdgeEnv> {
  const { billing } = services
  const app = new Hono<EdgeEnv>()
  const streams = new OpenStreams({
    max: MAX_TOP_UP_STREAMS,
    maxPerAccount: MAX_TOP_UP_STREAMS_PER_ACCOUNT,
  })
  app.post('/', async (c) => {
    const { accountId } = await services.keys.identify(credentialsOf(c))
    const { order, isRepeated } = await orderOnce(services, c, accountId)
    const row = await awaitInvoice(services, order.id)
    if (row === undefined) throw new Error(`top-up ${order.id} is gone`)
    if (!isSame(row, order)) throw apiErrors.idempotencyConflict()
    return answer(services, c, topUpJson(row, await billing.node()), 201, {
      ...(isRepeated ? { 'idempotency-replayed': 'true' } : {}),
      ...(row.state === 'requested' ? { 'retry-after': '1' } : {}),
    })
  })
  app.get('/', async (c) => {
    const { accountId } = await services.keys.identify(credentialsOf(c))
    const [rows, node] = await Promise.all([
      billing.topUpsOf(accountId, pageLimit(c)),
      billing.node(),
    ])
    return answer(services, c, topUpListJson(rows, node))
  })
  app.get('/:id', async (c) => {
    const row = await find(services, c, c.req.param('id'))
    if (c.req.header('accept')?.includes('text/event-stream') === true) {
      return watch(services, c, row, streams)
    }
    return answer(services, c, topUpJson(row, await billing.node()))
  })
  app.get('/:id/events', async (c) => {
    return watch(services, c, await find(services, c, c.req.param('id')), streams)
  })
  app.get('/:id/qr', async (c) => {
    const svg = invoiceQr(await find(services, c, c.req.param('id')))
    return new Response(svg, {
      headers: {
        'content-type': 'image/svg+xml',
        'cache-control': 'no-store',
        'x-request-id': c.get('requestId'),
      },
    })
  })
  return app
}

/** Writes the order down, unless its idempotency key has been used before. */
async function orderOnce(
  services: EdgeServices,
  c: EdgeContext,
  accountId: AccountId,
): Promise<{ order: TopUpRequest; isRepeated: boolean }> {
  const { billing } = services
  const body = await readOrder(c, topUpRequestSchema)
  const { memo = DEFAULT_MEMO } = body
  const amountMsat = requiredAmount(body)
  checkAmount(amountMsat, memo)
  const key = idempotencyKey(c)
  const order: TopUpRequest = {
    id: orderId('top', accountId, key),
    accountId,
    amountMsat,
    memo,
    expirySeconds: TOP_UP_EXPIRY_SECONDS,
    createdAt: Math.floor(services.now() / 1000),
  }
  if (key !== undefined && (await billing.findTopUp(order.id)) !== undefined) {
    return { order, isRepeated: true }
  }
  if ((await billing.node()) === undefined) throw settlerAway()
  const recent = await billing.topUpsOf(accountId, RECENT_ORDERS)
  const open = recent.filter((row) => mayBePaid(row, order.createdAt))
  if (open.length >= MAX_OPEN_TOP_UPS) throw tooManyOpen('top-ups', MAX_OPEN_TOP_UPS)
  await billing.orderTopUp(order)
  await wakeSettler(services, c)
  return { order, isRepeated: false }
}

/** `now` in Unix seconds; whatever its row says, an invoice ends with its time. */
const mayBePaid = (row: StoredTopUp, now: number): boolean =>
  (row.state === 'requested' || row.state === 'open') &&
  (row.expiresAt ?? row.createdAt + row.expirySeconds) > now

const isSame = (row: StoredTopUp, order: TopUpRequest): boolean =>
  row.accountId === order.accountId &&
  row.amountMsat === order.amountMsat &&
  row.memo === order.memo

/** The account's own top-up. Throws ApiError 401, 404. */
async function find(services: EdgeServices, c: EdgeContext, id: string): Promise<StoredTopUp> {
  const { accountId } = await services.keys.identify(credentialsOf(c))
  const row = isOrderId('top', id) ? await services.billing.findTopUp(id) : undefined
  if (row?.accountId !== accountId) throw apiErrors.objectNotFound('topup', id)
  return (await readTopUp(services, id)) ?? row
}

async function watch(
  services: EdgeServices,
  c: EdgeContext,
  row: StoredTopUp,
  streams: OpenStreams,
): Promise<Response> {
  const node = await services.billing.node()
  const closed = streams.open(row.accountId ?? '')
  if (closed === undefined) throw tooManyOpen('event streams', MAX_TOP_UP_STREAMS_PER_ACCOUNT)
  const body = topUpEvents(services, row, {
    render: (now) => topUpJson(now, node),
    closed: (error) => {
      closed()
      if (error !== undefined) services.events.internalError(c.get('requestId'), error)
    },
  })
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
      'x-request-id': c.get('requestId'),
    },
  })
}
