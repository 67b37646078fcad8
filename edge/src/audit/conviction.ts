import type { Refusal } from '@infernet/schemas/audit-report'
import type { ModelSpec } from '@infernet/schemas/model-spec'
import type { SignedReceipt } from '@infernet/schemas/receipt'
import { openingFault, type Claim } from '@infernet/schemas/transcript'
import type { DeliveredAnswer } from '@infernet/verification/verdict/judge'
import { MIN_REFUSALS } from '@infernet/verification/verdict/silence'
import { silenceEvidenceOf } from '@infernet/verification/verdict/silence-evidence'
import type { EndedAnswer } from './audit-case.ts'
import { evidenceOf, type Proof } from './evidence-of.ts'

/** What convicts, as JSON, and whether anybody may read it. */
export interface Evidence {
  readonly json: string
  readonly isOpen: boolean
}

/** As much of an answer that has failed as its evidence is made of. */
interface Failed {
  readonly answer: DeliveredAnswer & Pick<EndedAnswer, 'isOpen'>
  readonly modelSpec: ModelSpec
  readonly signed?: {
    readonly statement: { readonly claim: Claim }
    readonly receipt: SignedReceipt
  }
}

/**
 * What convicts the provider of an answer that has failed: what was proven of the answer itself or, where nothing was,
 * the `refusals` in a row that it is the last of. Undefined where the failure convicts nobody.
 */
export function convictingEvidence(
  found: Failed,
  proof: Proof | undefined,
  refusals: readonly Refusal[],
): Evidence | undefined {
  return proof === undefined ? silence(found, refusals) : falsehood(found, proof)
}

/** The refusals in a row that `found` ends. Anybody may read it: what was asked and answered is not in it. */
function silence(
  { modelSpec, signed }: Failed,
  refusals: readonly Refusal[],
): Evidence | undefined {
  const isLatest = refusals.at(-1)?.receipt === signed?.receipt
  if (!isLatest || refusals.length < MIN_REFUSALS) return undefined
  return { json: silenceEvidenceOf(modelSpec, refusals), isOpen: true }
}

/**
 * That both verifiers say so, or the answer's own numbers. None of an opening that is not what was signed: nobody has
 * signed that, so anybody could have made it up.
 */
function falsehood({ answer, modelSpec, signed }: Failed, proof: Proof): Evidence | undefined {
  const claim = signed?.statement.claim
  if (claim === undefined || openingFault(claim, proof.opened) !== undefined) return undefined
  return { json: evidenceOf(modelSpec, answer, proof), isOpen: answer.isOpen }
}
