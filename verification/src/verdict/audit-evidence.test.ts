import { leaseOf, newJobId } from '@infernet/schemas/ids'
import { MAX_SCORED_CANDIDATES } from '@infernet/schemas/limits'
import { specIdOf } from '@infernet/schemas/model-spec'
import {
  batchToSign,
  encodeStatement,
  splitBatch,
  toBase64Url,
  type ReceiptStatement,
} from '@infernet/schemas/receipt'
import { newSigner } from '@infernet/schemas/testing/signer'
import { encodeIds, encodeTranscript, type Transcript } from '@infernet/schemas/transcript'
import { encodeUtf8 } from '@infernet/schemas/utf8'
import { describe, expect, it } from 'vitest'
import { claimOf, DRAWN_SPEC, drawnAnswer, scoredBy } from '../testing/drawn-answer.ts'
import { evidenceHash, openEvidence, rejudge, type AuditEvidence } from './audit-evidence.ts'
import type { EvidenceError } from './evidence-error.ts'

const provider = newSigner()
const [one, other] = [newSigner().peer, newSigner().peer]
const SEED = 77
const SAMPLER = { temperature: 0.8, top_k: 10, top_p: 0.95, min_p: 0.05, seed: String(SEED) }
const TOKENS = 60
const TEXT = 'The edge gives the job to a provider.'

const honest = drawnAnswer(SAMPLER, TOKENS)
/** Of a model whose logits are off. */
const cheap = drawnAnswer(SAMPLER, TOKENS, 4)

const claimed = (transcript: Transcript): ReceiptStatement => {
  const job = newJobId(0)
  return {
    v: 1,
    job,
    lease: leaseOf(job, 1),
    provider: provider.peer,
    model: 'demo',
    engine: 'fake',
    usage: { prompt_tokens: transcript.prompt.length, completion_tokens: TOKENS },
    price: { prompt: 1, completion: 1 },
    finish_reason: 'length',
    output_sha256: '00'.repeat(32),
    output_bytes: 1,
    claim: claimOf(transcript, SAMPLER, specIdOf(DRAWN_SPEC)),
    started_at: 0,
    ended_at: 0,
  }
}

function signed(statement: ReceiptStatement, by = provider): AuditEvidence['receipt'] {
  const statements = [encodeStatement(statement)]
  const signature = toBase64Url(by.sign(batchToSign(statements)))
  const { receipts } = splitBatch({ statements: statements.map(toBase64Url), signature })
  if (receipts[0] === undefined) throw new Error('no receipt')
  return receipts[0].receipt
}

/** What a verifier of the true model computes for the tokens of an answer. */
const scoresOf = (transcript: Transcript, verifier = one): AuditEvidence['scores'][number] => {
  const positions = scoredBy(honest, transcript)
  const bytes = encodeTranscript({ prompt: [], positions }, MAX_SCORED_CANDIDATES)
  return { verifier, positions: toBase64Url(bytes) }
}

const evidenceOf = (
  transcript: Transcript,
  change: Partial<AuditEvidence> = {},
): AuditEvidence => ({
  v: 1,
  spec: DRAWN_SPEC,
  receipt: signed(claimed(transcript)),
  request: { body: toBase64Url(encodeUtf8('{"model":"demo"}')), seed: SEED },
  delivered: {
    finish_reason: 'length',
    max_output_tokens: TOKENS,
    content_bytes: TEXT.length,
    text: TEXT,
    ttft_ms: 10.5,
    total_ms: 900,
  },
  opening: toBase64Url(encodeTranscript(transcript)),
  rendered: { verifier: one, prompt: toBase64Url(encodeIds(transcript.prompt)), text: TEXT },
  scores: [scoresOf(transcript)],
  calibration: null,
  ...change,
})

const verdictOf = async (evidence: AuditEvidence) =>
  rejudge(await openEvidence(JSON.stringify(evidence)))

/** Names of what contradicts itself. */
const failures = async (evidence: AuditEvidence): Promise<string[]> =>
  (await verdictOf(evidence)).report.findings
    .filter(({ severity }) => severity === 'fail')
    .map(({ check }) => check)

const delivered = (change: Partial<AuditEvidence['delivered']>) => ({
  delivered: { ...evidenceOf(honest).delivered, ...change },
})

describe('evidence', () => {
  it('acquits an honest answer, from its bytes alone', async () => {
    const { verdict, report } = await verdictOf(evidenceOf(honest))
    expect(verdict).toBe('pass')
    expect(report).toMatchObject({ rendered: { verifier: one }, rescored: { verifier: one } })
    expect(await failures(evidenceOf(honest))).toEqual([])
  })

  it('convicts another model, where both verifiers say so', async () => {
    const evidence = evidenceOf(cheap, { scores: [scoresOf(cheap), scoresOf(cheap, other)] })
    expect(await verdictOf(evidence)).toMatchObject({ verdict: 'fail' })
    const mild = await openEvidence(JSON.stringify(evidence))
    const [first] = mild.scores
    const agreed = { verifier: other, positions: cheap.positions }
    expect(rejudge(mild, [first!, agreed]).verdict).not.toBe('fail')
  })

  it('convicts who read another prompt or gave another text, without any scores', async () => {
    const none = { scores: [] }
    const prompt = toBase64Url(encodeIds([...honest.prompt, 1]))
    const rendered = { verifier: one, prompt, text: TEXT }
    expect(await failures(evidenceOf(honest, { ...none, rendered }))).toEqual(['prompt_ids'])
    const text = delivered({ text: 'Another text.' })
    expect(await failures(evidenceOf(honest, { ...none, ...text }))).toEqual(['text'])
  })

  it('says nothing of a text that nobody rendered, or kept', async () => {
    const other = delivered({ text: 'Another text.' })
    const unrendered = evidenceOf(honest, { ...other, rendered: null })
    expect(await failures(unrendered)).toEqual([])
    expect((await verdictOf(unrendered)).report).not.toHaveProperty('rendered')
    expect(await failures(evidenceOf(honest, delivered({ text: null })))).toEqual([])
  })

  it('convicts whose opening is not what was signed', async () => {
    const opening = toBase64Url(encodeTranscript(cheap))
    expect(await failures(evidenceOf(honest, { opening }))).toContain('opening')
  })

  it('has a name that changes with every byte', () => {
    const json = JSON.stringify(evidenceOf(honest))
    expect(evidenceHash(json)).toMatch(/^[0-9a-f]{64}$/)
    expect(evidenceHash(json)).not.toBe(evidenceHash(`${json} `))
  })
})

describe('what is no evidence', () => {
  const refused = async (json: string): Promise<string> => {
    const error = await openEvidence(json).then(
      () => expect.unreachable('it was opened'),
      (thrown: EvidenceError) => thrown,
    )
    expect(error).toMatchObject({ name: 'EvidenceError' })
    return error.code
  }
  const { claim: _, ...unclaimed } = claimed(honest)

  it.each<[string, string, Partial<AuditEvidence>]>([
    ['signed by another', 'receipt', { receipt: signed(claimed(honest), newSigner()) }],
    ['a receipt that claims nothing', 'unclaimed', { receipt: signed(unclaimed) }],
    ['of another spec', 'spec', { spec: { ...DRAWN_SPEC, quantization: 'Q4_0' } }],
    ['an opening that is cut', 'malformed', { opening: 'AAAA' }],
    [
      'a prompt that is cut',
      'malformed',
      { rendered: { verifier: one, prompt: 'AAAA', text: TEXT } },
    ],
    ['scores that are cut', 'malformed', { scores: [{ verifier: one, positions: 'AAAA' }] }],
    [
      'of a verifier without a name',
      'malformed',
      { rendered: { verifier: 'me', prompt: 'AAAAAQ', text: null } },
    ],
  ])('is refused: %s', async (_what, code, change) => {
    expect(await refused(JSON.stringify(evidenceOf(honest, change)))).toBe(code)
  })

  it('is refused: anything else', async () => {
    expect(await refused('')).toBe('malformed')
    expect(await refused('{}')).toBe('malformed')
    const more = { ...evidenceOf(honest), more: 1 }
    expect(await refused(JSON.stringify(more))).toBe('malformed')
  })
})
