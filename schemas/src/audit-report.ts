import { z } from 'zod'
import { signedReceiptSchema } from './receipt.ts'

/** `unopened`: the provider did not show what it had signed. */
export const auditVerdictSchema = z.enum(['pass', 'fail', 'inconclusive', 'unopened'])
export type AuditVerdict = z.infer<typeof auditVerdictSchema>

/**
 * Why an answer was looked at: drawn by the epoch's key, asked for by its client, a question of the operator's,
 * or compared with what others answered.
 */
export const auditSourceSchema = z.enum(['sample', 'strict', 'canary', 'redundancy'])
export type AuditSource = z.infer<typeof auditSourceSchema>

const count = z.int().nonnegative()

/** One thing that a cheap check has found. */
const auditFindingSchema = z.object({
  check: z.string(),
  severity: z.enum(['fail', 'suspicious', 'note']),
  detail: z.string(),
})

/** What a replay or a re-scoring says: how many tokens, on how many it says nothing, how many were drawn otherwise. */
const evidenceSchema = z.object({
  log_e: z.number(),
  tokens: count,
  inconclusive: count,
  mismatches: count,
})

/** An answer that its provider has signed, and did not show though it was asked to and connected all the time since. */
export const refusalSchema = z.strictObject({
  receipt: signedReceiptSchema,
  /** ms since the epoch. */
  asked_at: count,
})
export type Refusal = z.infer<typeof refusalSchema>

/**
 * What an audit has found, layer by layer; nothing of the answer's text. `replay`: its tokens drawn again
 * from its own numbers. `rescored`: from a verifier's, and its numbers compared with those. `rendered`: a
 * verifier told what its request and its tokens are to the model; what differs is among the findings.
 */
export const auditReportSchema = z.object({
  /** Why there is no verdict, where there is none. */
  reason: z.string().nullable(),
  findings: z.array(auditFindingSchema),
  replay: evidenceSchema.nullable(),
  rescored: evidenceSchema.extend({ verifier: z.string() }).nullable(),
  rendered: z.object({ verifier: z.string() }).optional(),
  /** Its provider did not show it, whatever the verdict made of that. `refusal`: it had no excuse. */
  unopened: z.object({ refusal: refusalSchema.nullable() }).optional(),
})
export type AuditReport = z.infer<typeof auditReportSchema>

/** Whether its provider did not show the answer, whatever the verdict made of that. */
export const isUnopened = (audit: {
  readonly verdict: AuditVerdict
  readonly report: AuditReport
}): boolean => audit.verdict === 'unopened' || audit.report.unopened !== undefined
