import { encodeUtf8 } from '@infernet/schemas/utf8'
import { leaseOf, newJobId } from '@infernet/schemas/ids'
import { MAX_SCORED_CANDIDATES } from '@infernet/schemas/limits'
import { specIdOf, type ModelSpec } from '@infernet/schemas/model-spec'
import {
  batchToSign,
  encodeStatement,
  splitBatch,
  toBase64Url,
  type ReceiptStatement,
} from '@infernet/schemas/receipt'
import type { PeerId } from '@infernet/schemas/peer-id'
import {
  encodeTranscript,
  type Claim,
  type Position,
  type Transcript,
} from '@infernet/schemas/transcript'
import { claimOf } from '@infernet/verification/testing/drawn-answer'
import type { AuditEvidence } from '@infernet/verification/verdict/audit-evidence'

const SEED = 77
export const SAMPLER = {
  temperature: 0.8,
  top_k: 10,
  top_p: 0.95,
  min_p: 0.05,
  seed: String(SEED),
} as const satisfies Claim['sampler']

export interface Answer {
  readonly spec: ModelSpec
  readonly transcript: Transcript
  readonly sampler: Claim['sampler']
  /** What verifiers have computed of it. */
  readonly scores?: readonly {
    readonly verifier: string
    readonly positions: readonly Position[]
  }[]
}

interface Signer {
  readonly peer: PeerId
  readonly sign: (message: Uint8Array) => Uint8Array
}

/** Evidence about an answer of model `m`, signed by its provider; what was asked is what was done. */
export function evidenceAbout(signer: Signer, answer: Answer): AuditEvidence {
  const { spec, transcript, sampler, scores = [] } = answer
  const { temperature, top_k, top_p, min_p } = sampler
  const body = JSON.stringify({ model: 'm', temperature, top_k, top_p, min_p })
  return {
    v: 1,
    spec,
    receipt: signed(signer, transcript, claimOf(transcript, sampler, specIdOf(spec))),
    request: { body: toBase64Url(encodeUtf8(body)), seed: Number(sampler.seed) },
    delivered: {
      finish_reason: 'length',
      max_output_tokens: transcript.positions.length,
      content_bytes: null,
      text: null,
      ttft_ms: 10,
      total_ms: 1_000,
    },
    opening: toBase64Url(encodeTranscript(transcript)),
    rendered: null,
    scores: scores.map(({ verifier, positions }) => ({
      verifier,
      positions: encodedScores(positions),
    })),
    calibration: null,
  }
}

export const encodedScores = (positions: readonly Position[]): string =>
  toBase64Url(encodeTranscript({ prompt: [], positions }, MAX_SCORED_CANDIDATES))

function signed(
  signer: Signer,
  { prompt, positions }: Transcript,
  claim: Claim,
): AuditEvidence['receipt'] {
  const job = newJobId(1)
  const statement: ReceiptStatement = {
    v: 1,
    job,
    lease: leaseOf(job, 1),
    provider: signer.peer,
    model: 'm',
    engine: 'tiny',
    usage: { prompt_tokens: prompt.length, completion_tokens: positions.length },
    price: { prompt: 1, completion: 1 },
    finish_reason: 'length',
    output_sha256: '00'.repeat(32),
    output_bytes: 1,
    claim,
    started_at: 0,
    ended_at: 1,
  }
  const bytes = encodeStatement(statement)
  const signature = toBase64Url(signer.sign(batchToSign([bytes])))
  const { receipts } = splitBatch({ signature, statements: [toBase64Url(bytes)] })
  const [{ receipt } = { receipt: undefined }] = receipts
  if (receipt === undefined) throw new Error('a batch of one has one receipt')
  return receipt
}
