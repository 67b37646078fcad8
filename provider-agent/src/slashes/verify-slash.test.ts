import { slashIdOf, type SlashFacts } from '@infernet/schemas/slash-facts'
import { specIdOf } from '@infernet/schemas/model-spec'
import { toBase64Url, type SignedReceipt } from '@infernet/schemas/receipt'
import { newSigner } from '@infernet/schemas/testing/signer'
import { encodeTranscript, type Transcript } from '@infernet/schemas/transcript'
import { encodeUtf8 } from '@infernet/schemas/utf8'
import { DRAWN_SPEC, drawnAnswer, scoredBy } from '@infernet/verification/testing/drawn-answer'
import { evidenceHash } from '@infernet/verification/verdict/audit-evidence'
import { describe, expect, it } from 'vitest'
import { encodedScores, evidenceAbout, SAMPLER, type Answer } from '../testing/slash-evidence.ts'
import type { SlashVerdict } from './slash-verdict.ts'
import { verifySlash, type Published } from './verify-slash.ts'

const TOKENS = 60
const provider = newSigner()
const verifiers = [newSigner().peer, newSigner().peer] as const
const spec = { ...DRAWN_SPEC, engine: 'llama.cpp-v1' }

const promised = drawnAnswer(SAMPLER, TOKENS)
/** Of another model, whose numbers are honest about itself. */
const other = drawnAnswer(SAMPLER, TOKENS, 4)

/** How likely the promised model finds an answer. */
const promisedScores = (transcript: Transcript) => scoredBy(promised, transcript)

const answerOf = (transcript: Transcript, more: Partial<Answer> = {}): Answer => ({
  spec,
  transcript,
  sampler: SAMPLER,
  scores: verifiers.map((verifier) => ({ verifier, positions: promisedScores(transcript) })),
  ...more,
})

const cheated = evidenceAbout(provider, answerOf(other))
const honest = evidenceAbout(provider, answerOf(promised))
const jsonOf = (evidence: unknown): string => JSON.stringify(evidence)
const verify = (evidence: unknown, published: Published = {}) =>
  verifySlash(jsonOf(evidence), published)
const bad = ({ checks }: SlashVerdict) =>
  checks.filter(({ found }) => found === 'bad').map(({ name }) => name)
const found = ({ checks }: SlashVerdict, name: string) =>
  checks.filter((check) => check.name === name).map((check) => check.found)

const factsOf = (
  evidence: unknown,
  { statement: bytes }: SignedReceipt = cheated.receipt,
): SlashFacts => {
  const sha256 = evidenceHash(jsonOf(evidence))
  const statement = JSON.parse(Buffer.from(bytes, 'base64url').toString()) as SlashFacts
  return {
    id: slashIdOf(sha256),
    object: 'slash',
    provider: provider.peer,
    spec: specIdOf(spec),
    model: 'm',
    lease: statement.lease,
    state: 'open',
    evidence_sha256: sha256,
    evidence_open: true,
    affected_from: 0,
    opened_at: 0,
    appeal_until: 0,
    appealed_at: null,
    decided_at: null,
    refunded_msat: null,
    forfeited_msat: null,
  }
}

describe('a slash’s evidence', () => {
  it('convicts who ran another model, by the verifiers’ numbers', async () => {
    const result = await verify(cheated, { facts: factsOf(cheated) })
    expect(result.verdict).toBe('convicts')
    expect(bad(result)).toEqual([])
    expect(found(result, 'published bytes')).toEqual(['good'])
    expect(found(result, 'facts')).toEqual(['good'])
    expect(found(result, 'layer 1')).toEqual(['nothing'])
    expect(found(result, 'layer 2')).toEqual(['convicts', 'convicts'])
    expect(result.restsOn.join()).toContain('verifiers’ word')
  })

  it('convicts who drew otherwise than it signed, by nobody else’s word', async () => {
    const lied = { ...SAMPLER, seed: '5' }
    const result = await verify(
      evidenceAbout(provider, answerOf(drawnAnswer(lied, TOKENS), { scores: [] })),
    )
    expect(result.verdict).toBe('convicts')
    expect(found(result, 'layer 1')).toEqual(['convicts'])
    expect(result.restsOn).toEqual([])
  })

  it('convicts who did otherwise than was asked, by the edge’s word', async () => {
    const body = toBase64Url(encodeUtf8(jsonOf({ model: 'm', temperature: 2 })))
    const result = await verify({ ...honest, request: { ...honest.request, body } })
    expect(result.verdict).toBe('convicts')
    expect(found(result, 'layer 0')).toEqual(['convicts'])
    expect(result.restsOn.join()).toContain('edge’s word')
  })

  it('convicts who has shown nothing, by the edge’s word that it asked', async () => {
    const receipts = [1, 2, 3].map(() => evidenceAbout(provider, answerOf(promised)).receipt)
    const refusals = receipts.map((receipt, i) => ({ receipt, asked_at: i }))
    const silence = { v: 1, kind: 'silence', spec, refusals }
    const result = await verify(silence, { facts: factsOf(silence, receipts[2]) })
    expect(result.verdict).toBe('convicts')
    expect(found(result, 'silence')).toEqual(['convicts'])
    expect(result.restsOn.join()).toContain('edge’s word that it asked')
    const ofAnother = await verify(silence, { facts: factsOf(silence, receipts[0]) })
    expect(ofAnother.verdict).toBe('unsound')
    expect(bad(ofAnother)).toEqual(['facts'])
    const few = await verify({ ...silence, refusals: refusals.slice(1) })
    expect(bad(few)).toEqual(['form'])
  })

  it('acquits who was honest, and whom one of two verifiers passes', async () => {
    expect((await verify(honest)).verdict).toBe('acquits')
    const [first] = cheated.scores
    const positions = encodedScores(other.positions)
    const agreed = { verifier: verifiers[1], positions }
    const result = await verify({ ...cheated, scores: [first, agreed] })
    expect(result.verdict).toBe('acquits')
    expect(found(result, 'layer 2')).toEqual(['convicts', 'nothing'])
  })

  it('is judged by one’s own numbers in place of the verifiers’', async () => {
    const own = (positions: Transcript['positions']) =>
      verifySlash(jsonOf(cheated), {}, async () => ({ positions, notes: ['gpu'] }))
    const convicted = await own(promisedScores(other))
    expect(convicted.verdict).toBe('convicts')
    expect(convicted.restsOn.join()).not.toContain('verifiers')
    expect(convicted.checks.at(-1)?.detail).toContain('by this machine; gpu')
    expect((await own(other.positions)).verdict).toBe('acquits')
  })

  it('without anybody’s numbers convicts nobody of another model', async () => {
    const result = await verify({ ...cheated, scores: [] })
    expect(result.verdict).toBe('acquits')
    expect(result.checks.at(-1)?.detail).toContain('--model')
  })
})

describe('evidence that somebody has changed', () => {
  const unsigned = { ...cheated.receipt, signature: honest.receipt.signature }
  const shown = (transcript: Transcript) => toBase64Url(encodeTranscript(transcript))
  const shortened = { ...other, positions: other.positions.slice(1) }
  const reordered = other.positions.toReversed()
  const [first] = cheated.scores

  it.each<[string, unknown, string]>([
    ['its receipt’s signature', { ...cheated, receipt: unsigned }, 'receipt'],
    ['its receipt', { ...cheated, receipt: honest.receipt }, 'opening'],
    ['its spec', { ...cheated, spec: { ...spec, quantization: 'Q4_0' } }, 'receipt'],
    ['what was opened', { ...cheated, opening: shown(promised) }, 'opening'],
    ['how much was opened', { ...cheated, opening: shown(shortened) }, 'opening'],
    ['how much was scored', withScores(other.positions.slice(1)), 'scores'],
    ['what was scored', withScores(reordered), 'scores'],
    ['its form', { ...cheated, more: 1 }, 'form'],
    ['its bytes', { ...cheated, opening: '!' }, 'form'],
  ])('does not hold: %s', async (_, evidence, name) => {
    const result = await verify(evidence)
    expect(result.verdict).toBe('unsound')
    expect(bad(result)).toEqual([name])
  })

  function withScores(positions: Transcript['positions']): unknown {
    return { ...cheated, scores: [{ ...first, positions: encodedScores(positions) }] }
  }

  it('is not what was published, whatever was changed', async () => {
    const facts = factsOf(cheated)
    const dearer = { ...cheated, delivered: { ...cheated.delivered, total_ms: 1_001 } }
    for (const published of [{ facts }, { sha256: facts.evidence_sha256 }]) {
      const result = await verify(dearer, published)
      expect(result.verdict).toBe('unsound')
      expect(bad(result)).toEqual(['published bytes'])
    }
    const renamed = { ...facts, id: `slash_${'0'.repeat(32)}` }
    expect(bad(await verify(cheated, { facts: renamed }))).toEqual(['published bytes'])
  })

  it.each(['provider', 'lease', 'model', 'spec'] as const)(
    'is of the %s that was published',
    async (name) => {
      const facts = { ...factsOf(cheated), [name]: 'x' }
      expect(bad(await verify(cheated, { facts }))).toEqual(['facts'])
    },
  )

  it('is none at all', async () => {
    expect(bad(await verifySlash('hello', {}))).toEqual(['form'])
    for (const text of ['', '{"v":1', '[]', '{"stop":{}}']) {
      const request = { ...cheated.request, body: toBase64Url(encodeUtf8(text)) }
      expect(bad(await verify({ ...cheated, request }))).toEqual(['request'])
    }
  })
})
