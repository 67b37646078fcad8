import { ApiError } from '@infernet/openai-compat/api-error'
import { isJobId, type AccountId, type JobId } from '@infernet/schemas/ids'
import { Hono } from 'hono'
import { answer } from '../answers.ts'
import { identify } from '../auth/identify.ts'
import { signedBy } from '../auth/provider-request.ts'
import { RECEIPT_WAIT_MS } from '../limits.ts'
import type { StoredJob } from '../ports.ts'
import { receiptJson } from '../receipts/receipt-json.ts'
import type { EdgeContext, EdgeEnv, EdgeServices } from '../services.ts'

const POLL_MS = 100

/**
 * GET /v1/receipts/{job id}: what was delivered and billed, and what the provider and the edge have signed of
 * it; for the client, and by a signed request for the provider. A client's job that has just ended is on its
 * way to Postgres, and its receipt on its way from the provider; this waits for both a moment instead of
 * denying them.
 */
export function receipts(services: EdgeServices): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>()
  app.get('/:id', async (c) => {
    const id = c.req.param('id')
    const job = await visibleJob(services, c, id)
    if (job === undefined) throw receiptNotFound(id)
    return answer(services, c, await receiptJson(services, job))
  })
  return app
}

/** The job, if it is the account's whose key came, or the provider's that has signed the request. */
async function visibleJob(
  services: EdgeServices,
  c: EdgeContext,
  id: string,
): Promise<StoredJob | undefined> {
  const peer = await signedBy(services, c, id)
  if (peer === undefined) {
    const { accountId } = await identify(services, c)
    return isJobId(id) ? awaitReceipt(services, accountId, id) : undefined
  }
  const job = isJobId(id) ? await services.archive.find(id) : undefined
  return job !== undefined && providersOf(job).includes(peer) ? job : undefined
}

/** Of all parts of the answer. */
const providersOf = ({ record }: StoredJob): readonly (string | null)[] => [
  record.providerId,
  ...record.priorLegs.map(({ providerId }) => providerId),
]

async function awaitReceipt(
  services: EdgeServices,
  accountId: AccountId,
  id: JobId,
): Promise<StoredJob | undefined> {
  const deadline = services.now() + RECEIPT_WAIT_MS
  await services.accounts.flush(accountId)
  for (;;) {
    const job = await services.store.findJob(accountId, id)
    const complete = job?.receipt !== undefined || job?.record.lease === null
    if (job === undefined || complete || services.now() >= deadline) return job
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

export const receiptNotFound = (id: string): ApiError =>
  new ApiError({
    status: 404,
    type: 'invalid_request_error',
    code: 'receipt_not_found',
    param: 'id',
    message: `No receipt '${id.slice(0, 60)}' belongs to this account or provider. Its id is in the x-infernet-job header of the answer.`,
  })
