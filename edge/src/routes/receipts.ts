import { ApiError } from '@infernet/openai-compat/api-error'
import { isJobId, type AccountId, type JobId } from '@infernet/schemas/ids'
import { fromBase64Url, parseStatement } from '@infernet/schemas/receipt'
import { Hono } from 'hono'
import { answer } from '../answers.ts'
import { identify } from '../auth/identify.ts'
import { RECEIPT_WAIT_MS } from '../limits.ts'
import type { Audit } from '../audit/audit-port.ts'
import type { StoredJob } from '../ports.ts'
import type { EdgeEnv, EdgeServices } from '../services.ts'

const POLL_MS = 100

/**
 * GET /v1/receipts/{job id}: what was delivered and billed, and the provider's signed statement.
 * A job that has just ended is on its way to Postgres, and its receipt on its way from the
 * provider; this waits for both a moment instead of denying them.
 */
export function receipts(services: EdgeServices): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>()
  app.get('/:id', async (c) => {
    const { accountId } = await identify(services, c)
    const id = c.req.param('id')
    const job = isJobId(id) ? await awaitReceipt(services, accountId, id) : undefined
    if (job === undefined) throw receiptNotFound(id)
    const audits = await services.audits.auditsOf(job.record.id as JobId)
    return answer(services, c, receiptObject(job, audits))
  })
  return app
}

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

function receiptObject(
  { record, receipt }: StoredJob,
  audits: readonly Audit[],
): Record<string, unknown> {
  return {
    id: record.id,
    object: 'receipt',
    created: Math.floor(record.createdAt / 1000),
    request_id: record.requestId,
    model: record.model,
    status: record.status,
    finish_reason: record.finishReason,
    error_code: record.errorCode,
    provider: record.providerId,
    lease: record.lease,
    attempts: record.attempts,
    usage: {
      prompt_tokens: record.promptTokens,
      completion_tokens: record.completionTokens,
      total_tokens: record.promptTokens + record.completionTokens,
    },
    cost_msat: String(record.costMsat),
    hold_msat: String(record.holdMsat),
    first_byte_ms: record.firstByteMs,
    total_ms: record.totalMs,
    /** null while the provider has not signed (yet). */
    signed: receipt ?? null,
    statement:
      receipt === undefined ? null : (parseStatement(fromBase64Url(receipt.statement)) ?? null),
    audits: audits.map(auditObject),
  }
}

const auditObject = ({ lease, spec, epoch, rate, verdict, logE, report, judgedAt }: Audit) => ({
  lease,
  spec,
  epoch,
  rate,
  verdict,
  log_e: logE,
  report,
  judged_at: Math.floor(judgedAt / 1000),
})

const receiptNotFound = (id: string): ApiError =>
  new ApiError({
    status: 404,
    type: 'invalid_request_error',
    code: 'receipt_not_found',
    param: 'id',
    message: `No receipt '${id.slice(0, 60)}' belongs to this account. Its id is in the x-infernet-job header of the answer.`,
  })
