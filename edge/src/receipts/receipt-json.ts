import { countersign } from '@infernet/schemas/delivery-statement'
import type { JobId } from '@infernet/schemas/ids'
import { fromBase64Url, parseStatement, type SignedReceipt } from '@infernet/schemas/receipt'
import type { Audit } from '../audit/audit-port.ts'
import type { StoredJob } from '../ports.ts'
import type { EdgeServices } from '../services.ts'
import { unixSeconds } from '../unix-seconds.ts'
import { deliveryOf } from './delivery-of.ts'

/** A job as `GET /v1/receipts/{id}` shows it: the bill, both signed statements, and what audits have found. */
export async function receiptJson(
  { audit, audits }: Pick<EdgeServices, 'audit' | 'audits'>,
  job: StoredJob,
): Promise<Record<string, unknown>> {
  const { record, receipt } = job
  const signer = await audit?.signer()
  const found = await audits.auditsOf(record.id as JobId)
  return {
    id: record.id,
    object: 'receipt',
    created: unixSeconds(record.createdAt),
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
    statement: statementIn(receipt),
    /** What others gave of the answer before. */
    earlier: record.priorLegs.map(({ lease, providerId }, n) => ({
      lease,
      provider: providerId,
      signed: job.earlier[n] ?? null,
      statement: statementIn(job.earlier[n]),
    })),
    /** null at an edge that has no key to sign with. */
    countersigned: signer === undefined ? null : await countersign(signer, deliveryOf(job)),
    audits: found.map(auditJson),
  }
}

const statementIn = (receipt: SignedReceipt | undefined) =>
  receipt === undefined ? null : (parseStatement(fromBase64Url(receipt.statement)) ?? null)

const auditJson = ({ lease, spec, epoch, rate, verdict, logE, report, judgedAt }: Audit) => ({
  lease,
  spec,
  epoch,
  rate,
  verdict,
  log_e: logE,
  report,
  judged_at: unixSeconds(judgedAt),
})
