import type { ModelSpec } from '@infernet/schemas/model-spec'
import { MAX_SCORED_CANDIDATES } from '@infernet/schemas/limits'
import { toBase64Url, type SignedReceipt } from '@infernet/schemas/receipt'
import {
  encodeIds,
  encodeTranscript,
  type Position,
  type Transcript,
} from '@infernet/schemas/transcript'
import type { Calibration } from '@infernet/verification/evidence/calibration'
import type { AuditEvidence } from '@infernet/verification/verdict/audit-evidence'
import type { DeliveredAnswer, Rendering } from '@infernet/verification/verdict/judge'

/** What an audit has come to see, beside what was asked and delivered. */
export interface Proof {
  readonly receipt: SignedReceipt
  readonly opened: Transcript
  readonly rendering: Rendering | undefined
  readonly scores: readonly { readonly verifier: string; readonly positions: readonly Position[] }[]
  /** Undefined where nobody has measured the spec. */
  readonly calibration: Calibration | undefined
}

/** All that a verdict follows from, as JSON: whoever has it comes to the same, see `rejudge` of verification. */
export function evidenceOf(spec: ModelSpec, answer: DeliveredAnswer, proof: Proof): string {
  const { rendering } = proof
  const evidence: AuditEvidence = {
    v: 1,
    spec,
    receipt: proof.receipt,
    request: { body: toBase64Url(answer.body), seed: answer.seed },
    delivered: {
      finish_reason: answer.finishReason ?? null,
      max_output_tokens: answer.maxOutputTokens,
      content_bytes: answer.contentBytes ?? null,
      text: answer.text ?? null,
      ttft_ms: answer.ttftMs,
      total_ms: answer.totalMs,
    },
    opening: toBase64Url(encodeTranscript(proof.opened)),
    rendered:
      rendering === undefined
        ? null
        : {
            verifier: rendering.verifier,
            prompt: toBase64Url(encodeIds(rendering.prompt)),
            text: rendering.text,
          },
    scores: proof.scores.map(({ verifier, positions }) => ({
      verifier,
      positions: toBase64Url(encodeTranscript({ prompt: [], positions }, MAX_SCORED_CANDIDATES)),
    })),
    calibration: proof.calibration ?? null,
  }
  return JSON.stringify(evidence)
}
