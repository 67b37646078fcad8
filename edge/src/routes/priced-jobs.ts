import { apiErrors } from '@infernet/openai-compat/api-errors'
import { computeQuoteRequestSchema } from '@infernet/openai-compat/openapi/priced-job-schemas'
import { isAccountId, isJobId, newJobId, type JobId } from '@infernet/schemas/ids'
import { MAX_REQUEST_BODY_BYTES } from '@infernet/schemas/limits'
import { JOB_QUOTE_SECONDS } from '@infernet/settlement/job-price'
import { Hono } from 'hono'
import { answer } from '../answers.ts'
import { identify } from '../auth/identify.ts'
import type { Identity } from '../auth/identity.ts'
import { settlerAway } from '../billing/billing-errors.ts'
import { computeQuoteJson } from '../billing/compute-quote.ts'
import { priceOf, pricedModel, tokenOrder } from '../billing/fixed-price-order.ts'
import { readOrder } from '../billing/order-body.ts'
import { pollUntil } from '../billing/poll-until.ts'
import { keyedJobId } from '../billing/order-id.ts'
import { pricedJobDraft, type PricedJobDraft } from '../billing/priced-job-draft.ts'
import { accountNeeded, jobIsOver, jobsFull, tooManyJobs } from '../billing/priced-job-errors.ts'
import { jobDetailJson, jobJson } from '../billing/priced-job-json.ts'
import { MAX_OPEN_JOBS, MAX_OPEN_JOBS_PER_ACCOUNT } from '../billing/priced-job-limits.ts'
import type { PricedJobDetail, PricedJobOrder } from '../billing/priced-jobs-port.ts'
import { wakeSettler } from '../billing/wake-settler.ts'
import { idempotencyKey } from '../inference/idempotent-answer.ts'
import { outlast } from '../inference/outlast.ts'
import { ORDERED_INVOICE } from '../limits.ts'
import { readBody } from '../request-body.ts'
import type { EdgeContext, EdgeEnv, EdgeServices } from '../services.ts'
import { pageLimit } from './page-limit.ts'

/**
 * `/v1/jobs`: requests at a fixed price, paid by a hold invoice that is settled when the answer is there and
 * given back when it is not.
 */
export function pricedJobs(services: EdgeServices): Hono<EdgeEnv> {
  const { billing, now, pricedJobs: jobs } = services
  const app = new Hono<EdgeEnv>()
  app.post('/', async (c) => {
    const identity = await accountOf(services, c)
    const body = await readBody(c.req.raw, MAX_REQUEST_BODY_BYTES)
    const draft = pricedJobDraft(body)
    const key = idempotencyKey(c)
    if (key === undefined) return order(services, c, identity, draft, newJobId(now()))
    const id = keyedJobId(identity.accountId, key)
    const isSame = await jobs.store.isOrdered(id, draft)
    if (isSame === false) throw apiErrors.idempotencyConflict()
    if (isSame === undefined) return order(services, c, identity, draft, id)
    const job = await awaitInvoice(services, identity.accountId, id)
    return show(services, c, job, 201, { 'idempotency-replayed': 'true' })
  })
  app.get('/', async (c) => {
    const { accountId } = await accountOf(services, c)
    const [rows, node] = await Promise.all([
      jobs.store.listOf(accountId, pageLimit(c)),
      billing.node(),
    ])
    const data = rows.map((row) => jobJson(row, node, now()))
    return answer(services, c, { object: 'list', data })
  })
  app.post('/quotes', async (c) => {
    await accountOf(services, c)
    const request = await readOrder(c, computeQuoteRequestSchema)
    return answer(services, c, computeQuoteJson(request, jobs.rates, jobs.feeBps))
  })
  app.get('/:id', async (c) => show(services, c, await find(services, c, c.req.param('id'))))
  app.post('/:id/cancel', async (c) => {
    const { id, accountId } = await find(services, c, c.req.param('id'))
    const withdrawn = await jobs.store.withdraw(accountId, id)
    if (withdrawn === undefined) throw jobIsOver(id)
    if (withdrawn.run !== undefined) outlast(c, services.hub.cancel(withdrawn.run, 'withdrawn'))
    await wakeSettler(services, c)
    return show(services, c, await find(services, c, id))
  })
  return app
}

/** Throws ApiError 401, and 403 for who has no account. */
async function accountOf(services: EdgeServices, c: EdgeContext): Promise<Identity> {
  const identity = await identify(services, c)
  if (!isAccountId(identity.accountId)) throw accountNeeded()
  return identity
}

async function find(services: EdgeServices, c: EdgeContext, id: string): Promise<PricedJobDetail> {
  const { accountId } = await accountOf(services, c)
  const job = isJobId(id) ? await services.pricedJobs.store.find(accountId, id) : undefined
  if (job === undefined) throw apiErrors.objectNotFound('job', id)
  return job
}

async function show(
  services: EdgeServices,
  c: EdgeContext,
  job: PricedJobDetail,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const node = await services.billing.node()
  return answer(services, c, jobDetailJson(job, node, services.now()), status, headers)
}

async function order(
  services: EdgeServices,
  c: EdgeContext,
  identity: Identity,
  { parsed, ...draft }: PricedJobDraft,
  id: JobId,
): Promise<Response> {
  const { store, feeBps } = services.pricedJobs
  const now = services.now()
  const choice = pricedModel(await services.hub.directory(), parsed, (model, known) =>
    services.events.demandUnmet(model, known ? 'offline' : 'unknown'),
  )
  const requestId = c.get('requestId')
  const priceMsat = priceOf(tokenOrder({ identity, requestId, parsed, choice, now }))
  if ((await services.billing.node()) === undefined) throw settlerAway()
  const { accountId, apiKeyId } = identity
  const quoted: PricedJobOrder = {
    ...draft,
    id,
    accountId,
    apiKeyId,
    requestId,
    model: choice.model.id,
    priceMsat,
    feeBps,
    createdAt: now,
  }
  const outcome = await store.quote(quoted, {
    ofAccount: MAX_OPEN_JOBS_PER_ACCOUNT,
    ofAll: MAX_OPEN_JOBS,
    since: now - JOB_QUOTE_SECONDS * 1000,
  })
  if (outcome === 'account_full') throw tooManyJobs(MAX_OPEN_JOBS_PER_ACCOUNT)
  if (outcome === 'full') throw jobsFull()
  await wakeSettler(services, c)
  return show(services, c, await awaitInvoice(services, accountId, id), 201)
}

/** The job once its invoice is made, or after some seconds. */
async function awaitInvoice(
  { pricedJobs: { store } }: EdgeServices,
  accountId: Identity['accountId'],
  id: JobId,
): Promise<PricedJobDetail> {
  const job = await pollUntil(
    ORDERED_INVOICE,
    () => store.find(accountId, id),
    (found) => found === undefined || found.escrow?.bolt11 !== undefined,
  )
  if (job === undefined) throw new Error(`job ${id} is gone`)
  return job
}
