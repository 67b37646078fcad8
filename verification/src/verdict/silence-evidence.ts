import { refusalSchema, type Refusal } from '@infernet/schemas/audit-report'
import { modelSpecSchema, specIdOf, type ModelSpec } from '@infernet/schemas/model-spec'
import type { ReceiptStatement } from '@infernet/schemas/receipt'
import { z } from 'zod'
import { claimedStatement } from './claimed-statement.ts'
import { EvidenceError } from './evidence-error.ts'
import { MIN_REFUSALS } from './silence.ts'

export const MAX_REFUSALS = 8

/**
 * That a provider has signed answers and shown none of them: the receipts that it owes openings for, the oldest first.
 * That it was asked, was connected and showed nothing is the edge's word.
 */
const silenceEvidenceSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('silence'),
  spec: modelSpecSchema,
  refusals: z.array(refusalSchema).min(MIN_REFUSALS).max(MAX_REFUSALS),
})
type SilenceEvidence = z.infer<typeof silenceEvidenceSchema>

/** As JSON. */
export function silenceEvidenceOf(spec: ModelSpec, refusals: readonly Refusal[]): string {
  const evidence: SilenceEvidence = { v: 1, kind: 'silence', spec, refusals: [...refusals] }
  return JSON.stringify(evidence)
}

/** An answer that was not shown. */
export interface Refused {
  readonly statement: ReceiptStatement
  /** ms since the epoch. */
  readonly askedAt: number
}

/** What silence evidence says, once it was checked. */
export interface OpenedSilence {
  readonly provider: string
  readonly spec: string
  /** {@link MIN_REFUSALS} at least, no lease twice. */
  readonly refused: readonly Refused[]
}

/** Undefined for evidence of another kind. Rejects with {@link EvidenceError}, as `openEvidence` does. */
export async function openSilence(json: string): Promise<OpenedSilence | undefined> {
  const evidence = parse(json)
  if (evidence === undefined) return undefined
  const spec = specIdOf(evidence.spec)
  const refused: Refused[] = []
  for (const { receipt, asked_at: askedAt } of evidence.refusals) {
    refused.push({ statement: await claimedStatement(receipt, spec), askedAt })
  }
  const [provider = '', ...others] = new Set(refused.map(({ statement }) => statement.provider))
  if (others.length > 0) throw new EvidenceError('receipt', 'the receipts are of several providers')
  if (new Set(refused.map(({ statement }) => statement.lease)).size < refused.length)
    throw new EvidenceError('malformed', 'an answer is there twice')
  return { provider, spec, refused }
}

function parse(json: string): SilenceEvidence | undefined {
  const kindSchema = z.object({ kind: z.literal('silence') })
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return undefined
  }
  if (!kindSchema.safeParse(value).success) return undefined
  const evidence = silenceEvidenceSchema.safeParse(value)
  if (evidence.success) return evidence.data
  throw new EvidenceError(
    'malformed',
    `not evidence of silence: ${z.prettifyError(evidence.error)}`,
  )
}
