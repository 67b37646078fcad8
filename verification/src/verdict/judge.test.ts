import { leaseOf, newJobId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import type { ReceiptStatement } from '@infernet/schemas/receipt'
import type { Claim, Transcript } from '@infernet/schemas/transcript'
import { encodeUtf8 } from '@infernet/schemas/utf8'
import { describe, expect, it } from 'vitest'
import { claimOf, drawnAnswer } from '../testing/drawn-answer.ts'
import { judgeClaim, type DeliveredAnswer, type Rendering } from './judge.ts'

const SPEC = 'ab'.repeat(32)
const SEED = 77
const SAMPLER = { temperature: 0.8, top_k: 10, top_p: 0.95, min_p: 0.05, seed: String(SEED) }
const TOKENS = 40

type Claimed = ReceiptStatement & { readonly claim: Claim }

function statementOf(opened: Transcript, claim: Claim): Claimed {
  const job = newJobId(0)
  return {
    v: 1,
    job,
    lease: leaseOf(job, 1),
    provider: '12D3KooWx' as PeerId,
    model: 'demo',
    engine: 'fake',
    usage: { prompt_tokens: opened.prompt.length, completion_tokens: opened.positions.length },
    price: { prompt: 1, completion: 1 },
    finish_reason: 'length',
    output_sha256: '00'.repeat(32),
    output_bytes: 1,
    claim,
    started_at: 0,
    ended_at: 0,
  }
}

const answerTo = (
  request: Record<string, unknown> = {},
  more: Partial<DeliveredAnswer> = {},
): DeliveredAnswer => ({
  body: encodeUtf8(JSON.stringify({ model: 'demo', ...request })),
  seed: SEED,
  finishReason: 'length',
  maxOutputTokens: TOKENS,
  contentBytes: undefined,
  ttftMs: 10,
  totalMs: 1_000,
  ...more,
})

/** An honest answer, its claim and what is judged of it after `change`. */
function judge(
  change: {
    readonly sampler?: Partial<Claim['sampler']>
    readonly claim?: Partial<Claim>
    readonly opened?: (honest: Transcript) => Transcript
    readonly signed?: (honest: Transcript) => Transcript
    readonly statement?: (honest: Claimed) => Claimed
    readonly answer?: DeliveredAnswer
    readonly rendering?: Rendering
  } = {},
) {
  const sampler = { ...SAMPLER, ...change.sampler }
  const honest = drawnAnswer(sampler, TOKENS)
  const signed = change.signed?.(honest) ?? honest
  const claim = { ...claimOf(signed, sampler, SPEC), ...change.claim }
  const statement = statementOf(signed, claim)
  const opened = change.opened?.(signed) ?? signed
  return judgeClaim(
    change.answer ?? answerTo(),
    change.statement?.(statement) ?? statement,
    opened,
    change.rendering,
  )
}

const failures = ({ report }: ReturnType<typeof judge>): string[] =>
  report.findings.filter(({ severity }) => severity === 'fail').map(({ check }) => check)

describe('an answer that is what it says', () => {
  it('passes', () => {
    const judgement = judge()
    expect(judgement).toMatchObject({ verdict: 'pass', report: { reason: null, rescored: null } })
    expect(judgement.report.replay).toMatchObject({ tokens: TOKENS, mismatches: 0 })
    expect(judgement.logE).toBeLessThan(0)
    expect(failures(judgement)).toEqual([])
  })

  it.each([
    { temperature: 0.8, top_k: 10, top_p: 0.95, min_p: 0.05 },
    { seed: SEED },
    { temperature: null, stop: ['x'] },
  ])('passes when the client asked for it: %o', (request) => {
    expect(judge({ answer: answerTo(request) }).verdict).toBe('pass')
  })

  it('passes when its client left before the end', () => {
    expect(judge({ answer: answerTo({}, { finishReason: undefined }) }).verdict).toBe('pass')
  })

  it('passes whatever steers its draws, as long as they can be drawn again', () => {
    const steered = { tools: [{ type: 'function' }], response_format: { type: 'text' } }
    expect(judge({ answer: answerTo(steered) }).verdict).toBe('pass')
  })
})

describe('an answer that is not', () => {
  it('fails when another is shown than was signed', () => {
    const cut = ({ prompt, positions }: Transcript) => ({ prompt, positions: positions.slice(1) })
    const judgement = judge({ opened: cut })
    expect(judgement.verdict).toBe('fail')
    expect(failures(judgement)).toContain('opening')
    expect(judgement.logE).toBeGreaterThanOrEqual(Math.log(1e4))
  })

  it.each([
    [{ temperature: 1 }, 'temperature'],
    [{ top_p: 0.5 }, 'top_p'],
    [{ top_k: 40 }, 'top_k'],
    [{ min_p: 0 }, 'min_p'],
    [{ seed: 78 }, 'seed'],
  ])('fails when the client asked for %o', (request, name) => {
    const judgement = judge({ answer: answerTo(request) })
    expect(judgement.verdict).toBe('fail')
    expect(judgement.report.findings).toContainEqual(
      expect.objectContaining({ check: 'settings', detail: expect.stringContaining(name) }),
    )
  })

  it('fails when it was drawn with a seed of the provider’s own', () => {
    const judgement = judge({ sampler: { seed: '5' } })
    expect(failures(judgement)).toEqual(['settings'])
  })

  it('fails when it was drawn otherwise than it says', () => {
    const judgement = judge({ sampler: { seed: '5' }, claim: { sampler: SAMPLER } })
    expect(judgement.verdict).toBe('fail')
    expect(failures(judgement)).toEqual([])
    expect(judgement.report.replay?.mismatches).toBeGreaterThan(10)
  })

  it('fails when it is billed for more than there is', () => {
    const inflated = (honest: Claimed) => ({
      ...honest,
      usage: { ...honest.usage, completion_tokens: 3 * TOKENS },
    })
    expect(failures(judge({ statement: inflated }))).toContain('usage')
  })

  it('fails when its numbers are no probabilities', () => {
    const loud = ({ prompt, positions }: Transcript) => ({
      prompt,
      positions: positions.map((position) => ({
        ...position,
        top: position.top.map(({ id }) => ({ id, logprob: -0.1 })),
      })),
    })
    expect(failures(judge({ signed: loud }))).toContain('logprob_shape')
  })
})

describe('an answer whose request and tokens a verifier has rendered', () => {
  const verifier = '12D3KooWverifier'
  const { prompt } = drawnAnswer(SAMPLER, 1)
  const text = 'The edge gives the job to a provider.'
  const rendered = (
    delivered: Partial<DeliveredAnswer> = {},
    rendering: Partial<Rendering> = {},
    request: Record<string, unknown> = {},
  ) =>
    judge({
      answer: answerTo(request, { text, ...delivered }),
      rendering: { verifier, prompt, text, ...rendering },
    })

  it('passes when the engine read what was asked and the client got what the tokens say', () => {
    const judgement = rendered()
    expect(judgement).toMatchObject({ verdict: 'pass', report: { rendered: { verifier } } })
    expect(failures(judgement)).toEqual([])
    expect(judge().report).not.toHaveProperty('rendered')
  })

  it.each<[string, Partial<DeliveredAnswer>, Record<string, unknown>]>([
    ['up to its stop sequence', { text: 'The edge gives ', finishReason: 'stop' }, { stop: 'the' }],
    ['up to where its client left', { text: text.slice(0, 9), finishReason: undefined }, {}],
  ])('passes %s', (_, delivered, request) => {
    expect(failures(rendered(delivered, {}, request))).toEqual([])
  })

  it.each([
    ['dropped', prompt.slice(2)],
    ['shortened', prompt.slice(0, -1)],
    ['lengthened', [...prompt, 7]],
    ['put together otherwise', prompt.with(2, 9)],
  ])('fails when the prompt was %s', (_, read) => {
    const judgement = rendered({}, { prompt: read })
    expect(failures(judgement)).toEqual(['prompt_ids'])
    expect(judgement.verdict).toBe('fail')
    expect(judgement.logE).toBeGreaterThanOrEqual(Math.log(1e4))
  })

  it.each([
    ['another', 'The edge gives the job to nobody at all.'],
    ['a part of it', text.slice(0, -1)],
    ['no text', ''],
  ])('fails when its client got %s', (_, delivered) => {
    expect(failures(rendered({ text: delivered }))).toEqual(['text'])
  })

  it('is not compared with what nobody knows', () => {
    const { text: _, ...unkept } = answerTo()
    const opened = judge({ answer: unkept, rendering: { verifier, prompt, text } })
    expect(failures(opened)).toEqual([])
    expect(failures(rendered({}, { text: null }))).toEqual([])
    expect(failures(rendered({ text: 'other' }, { text: null }))).toEqual([])
  })
})

describe('an answer that nobody can draw again', () => {
  it('is not judged', () => {
    const judgement = judge({ claim: { replay: 'none' } })
    expect(judgement.verdict).toBe('inconclusive')
  })
})
