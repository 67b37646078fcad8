import { createHash } from 'node:crypto'
import {
  MAX_COMPARED_TEXT_BYTES,
  MAX_REQUEST_BODY_BYTES,
  MAX_SCORED_CANDIDATES,
  MAX_TRANSCRIPT_BYTES,
  MAX_TRANSCRIPT_TOKENS,
} from '@infernet/schemas/limits'
import { modelSpecSchema, specIdOf } from '@infernet/schemas/model-spec'
import { isPeerId } from '@infernet/schemas/peer-id'
import {
  fromBase64Url,
  signedReceiptSchema,
  type ReceiptStatement,
} from '@infernet/schemas/receipt'
import {
  decodeIds,
  decodeTranscript,
  TranscriptError,
  type Claim,
  type Position,
  type Transcript,
} from '@infernet/schemas/transcript'
import { base64url } from '@infernet/schemas/wire'
import { z } from 'zod'
import { calibrationSchema, UNMEASURED, type Calibration } from '../evidence/calibration.ts'
import { claimedStatement } from './claimed-statement.ts'
import { EvidenceError } from './evidence-error.ts'
import {
  judgeClaim,
  judgeScores,
  type DeliveredAnswer,
  type Judgement,
  type Rendering,
} from './judge.ts'

const count = z.number().nonnegative()
const verifier = z.string().refine((text): boolean => isPeerId(text), 'not a peer id')
const text = z.string().max(MAX_COMPARED_TEXT_BYTES).nullable()

/**
 * Everything that an audit's verdict follows from, so that anybody can come to it again: the provider's
 * signed receipt, what it opened, what was asked and delivered (the edge's word), and what verifiers computed.
 * Byte strings are base64url.
 */
export const auditEvidenceSchema = z.strictObject({
  v: z.literal(1),
  spec: modelSpecSchema,
  receipt: signedReceiptSchema,
  /** The client's body, and the seed where it has none. */
  request: z.strictObject({ body: base64url(MAX_REQUEST_BODY_BYTES), seed: z.int().nonnegative() }),
  delivered: z.strictObject({
    finish_reason: z.string().nullable(),
    max_output_tokens: z.int().nonnegative(),
    content_bytes: z.int().nonnegative().nullable(),
    /** The content, where the edge still had it. */
    text,
    ttft_ms: count,
    total_ms: count,
  }),
  /** The transcript that the receipt's claim commits to. */
  opening: base64url(MAX_TRANSCRIPT_BYTES),
  /** What a verifier says that the request's prompt is in ids, and the opened ids in text; null: nobody was asked. */
  rendered: z
    .strictObject({ verifier, prompt: base64url(4 * MAX_TRANSCRIPT_TOKENS), text })
    .nullable(),
  /** Each verifier's own probabilities of the same tokens, as a transcript without a prompt; none for layers 0 and 1. */
  scores: z
    .array(
      z.strictObject({
        verifier,
        positions: base64url(MAX_TRANSCRIPT_BYTES),
      }),
    )
    .max(2),
  /** Null: nobody had measured the spec. */
  calibration: calibrationSchema.nullable(),
})
export type AuditEvidence = z.infer<typeof auditEvidenceSchema>

/** What evidence is called by: SHA-256, hex, of its exact bytes. */
export const evidenceHash = (json: string): string =>
  createHash('sha256').update(json).digest('hex')

/** Evidence as it can be computed with. */
export interface OpenedEvidence {
  readonly statement: ReceiptStatement & { readonly claim: Claim }
  readonly answer: DeliveredAnswer
  readonly opened: Transcript
  readonly rendering: Rendering | undefined
  readonly scores: readonly { readonly verifier: string; readonly positions: readonly Position[] }[]
  readonly calibration: Calibration
}

/**
 * Reads evidence and checks that its provider signed it. Throws {@link EvidenceError}: `malformed` for what
 * is none, `receipt` for a bad signature, `unclaimed` and `spec` for a receipt of something else.
 */
export async function openEvidence(json: string): Promise<OpenedEvidence> {
  const evidence = parse(json)
  const statement = await claimedStatement(evidence.receipt, specIdOf(evidence.spec))
  const { delivered, rendered, request } = evidence
  return {
    statement,
    answer: {
      body: fromBase64Url(request.body),
      seed: request.seed,
      finishReason: delivered.finish_reason ?? undefined,
      maxOutputTokens: delivered.max_output_tokens,
      contentBytes: delivered.content_bytes ?? undefined,
      ...(delivered.text === null ? {} : { text: delivered.text }),
      ttftMs: delivered.ttft_ms,
      totalMs: delivered.total_ms,
    },
    opened: transcriptOf(evidence.opening),
    rendering: rendered === null ? undefined : { ...rendered, prompt: idsOf(rendered.prompt) },
    scores: evidence.scores.map(({ verifier, positions }) => ({
      verifier,
      positions: transcriptOf(positions, MAX_SCORED_CANDIDATES).positions,
    })),
    calibration: evidence.calibration ?? UNMEASURED,
  }
}

/**
 * The verdict that evidence leads to. `scores` in place of those in it: one's own. With two verifiers' scores
 * it is the milder one of theirs: only what both fail has failed.
 */
export function rejudge(evidence: OpenedEvidence, scores = evidence.scores): Judgement {
  const { answer, statement, opened, rendering, calibration } = evidence
  const earlier = judgeClaim(answer, statement, opened, rendering)
  if (earlier.verdict === 'fail' || scores.length === 0) return earlier
  return scores
    .map(({ verifier, positions }) =>
      judgeScores(earlier, statement.claim, { opened, scored: positions, verifier, calibration }),
    )
    .reduce((mildest, next) => (next.logE < mildest.logE ? next : mildest))
}

function parse(json: string): AuditEvidence {
  try {
    return auditEvidenceSchema.parse(JSON.parse(json))
  } catch (error) {
    const fault = error instanceof z.ZodError ? z.prettifyError(error) : 'no JSON'
    throw new EvidenceError('malformed', `not evidence of an audit: ${fault}`)
  }
}

const transcriptOf = (text: string, most?: number): Transcript =>
  read(() => decodeTranscript(fromBase64Url(text), most))

const idsOf = (text: string): number[] => read(() => decodeIds(fromBase64Url(text)))

function read<T>(decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    throw error instanceof TranscriptError ? new EvidenceError('malformed', error.message) : error
  }
}
