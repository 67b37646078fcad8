import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Position } from '@infernet/schemas/transcript'
import type { AnswerUnderCheck } from './answer-under-check.ts'
import { plausibility } from './plausibility.ts'
import { DEFAULT_RULES } from './rules.ts'
import {
  answerOf,
  DRAWN,
  EOS,
  honestAnswer,
  positionOf,
  VOCABULARY,
} from './testing/synthetic-answer.ts'

const honest = honestAnswer(7)

/** `check severity` of each finding. */
const found = (answer: AnswerUnderCheck): string[] =>
  plausibility(answer).map(({ check, severity }) => `${check} ${severity}`)

const changed = (over: Partial<AnswerUnderCheck>): string[] => found({ ...honest, ...over })

describe('an honest answer', () => {
  it('raises nothing, at any temperature and nucleus', () => {
    const settings = fc.record({
      seed: fc.nat(),
      temperature: fc.constantFrom(0, 0.2, 0.7, 1, 1.3),
      topP: fc.constantFrom(0.5, 0.9, 0.95, 1),
      length: fc.integer({ min: 1, max: 200 }),
    })
    fc.assert(
      fc.property(settings, ({ seed, temperature, topP, length }) => {
        const sampling = { ...DRAWN, temperature, topP }
        expect(found(honestAnswer(seed, { sampling, length }))).toEqual([])
      }),
      // Of one seed: a draw may look suspicious once in ten thousand answers.
      { numRuns: 50, seed: 7 },
    )
  })

  it('may come without anything that needs a tokenizer, a clock or declared hardware', () => {
    const unknown = changed({
      renderedPromptIds: undefined,
      detokenised: undefined,
      vocabularySize: undefined,
      contentBytes: undefined,
      countedTokens: undefined,
      contextLength: undefined,
      timing: { ...honest.timing, roundTripMs: undefined, maxTokensPerSecond: undefined },
    })
    expect(unknown).toEqual([])
  })
})

describe('whatever is opened', () => {
  it('is judged without throwing', () => {
    const logprob = fc.oneof(fc.double(), fc.double({ min: -20, max: 0 }))
    const candidate = fc.record({ id: fc.oneof(fc.nat({ max: 70 }), fc.double()), logprob })
    const position = fc.tuple(candidate, fc.array(candidate, { maxLength: 4 }))
    fc.assert(
      fc.property(fc.array(position), fc.string(), fc.string(), (listed, text, detokenised) => {
        const positions = listed.map(([emitted, top]) => ({ ...emitted, top }))
        const names = plausibility({ ...honest, positions, text, detokenised })
        expect(names.every(({ detail }) => detail.length < 200)).toBe(true)
      }),
    )
  })
})

describe('the prompt', () => {
  it('is the gateway’s own rendering', () => {
    expect(changed({ renderedPromptIds: [9, 1, 2, 3] })).toEqual(['prompt_ids note'])
    expect(changed({ renderedPromptIds: [2, 3] })).toEqual(['prompt_ids note'])
    expect(changed({ renderedPromptIds: [1, 2, 4] })).toEqual(['prompt_ids fail'])
    expect(changed({ renderedPromptIds: [1, 2, 3, 4] })).toEqual(['prompt_ids fail'])
    expect(changed({ renderedPromptIds: [9, 9, 1, 2, 3] })).toEqual(['prompt_ids fail'])
  })
})

describe('the ids', () => {
  it('are listed, each with the candidates that were asked for', () => {
    const bare = honest.positions.map(({ id, logprob }) => ({ id, logprob, top: [] }))
    expect(changed({ positions: bare })).toContain('ids_listed suspicious')
    expect(changed({ positions: [] })).toContain('ids_listed suspicious')
    expect(
      changed({
        positions: [],
        text: '',
        detokenised: '',
        contentBytes: 0,
        usage: { prompt_tokens: 3, completion_tokens: 0 },
      }),
    ).toEqual([])
  })
})

describe('the text', () => {
  const delivered = (text: string, over: Partial<AnswerUnderCheck> = {}): string[] =>
    changed({ text, ...over }).filter((finding) => finding.startsWith('text'))
  const { text } = honest

  it('is that of the ids', () => {
    expect(delivered(`${text}!`)).toEqual(['text fail'])
    expect(delivered(text.slice(0, -1))).toEqual(['text fail'])
    expect(delivered(` ${text}`)).toEqual([])
  })

  it('may be cut at a stop sequence, with or without it, or where the client left', () => {
    const stopSequences = [text.slice(50, 54)]
    const at = text.indexOf(stopSequences[0] ?? '')
    expect(delivered(text.slice(0, at), { stopSequences })).toEqual([])
    expect(delivered(text.slice(0, at + 4), { stopSequences })).toEqual([])
    expect(delivered(text.slice(0, at + 5), { stopSequences })).toEqual(['text fail'])
    expect(delivered(text.slice(0, 20), { finishReason: undefined })).toEqual([])
    expect(delivered(`${text.slice(0, 20)}?`, { finishReason: undefined })).toEqual(['text fail'])
  })

  it('may have characters whose ids the engine did not list', () => {
    const gaps = (detokenised: string, whole: string, over = {}): string[] =>
      delivered(whole, { detokenised, ...over })
    expect(gaps('a \uFFFD b', 'a 😀 b')).toEqual(['text note'])
    expect(gaps('\uFFFD\uFFFDok\uFFFD', 'ééok')).toEqual(['text note'])
    expect(gaps('caf\uFFFD', 'something else')).toEqual(['text suspicious'])
    expect(gaps('a\uFFFDb', `a${'x'.repeat(40)}b`)).toEqual(['text suspicious'])
    expect(gaps('a\uFFFDb', 'ax', { finishReason: undefined })).toEqual(['text note'])
  })

  it('fits around any gaps that an engine may leave', () => {
    const part = fc.array(fc.constantFrom('a', 'b', 'ab', ' '), { maxLength: 6 })
    const hidden = fc.array(fc.constantFrom('é', '😀', '語'), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(fc.array(fc.tuple(part, hidden)), part, (parts, tail) => {
        const end = tail.join('')
        const whole = parts.map(([seen, lost]) => seen.join('') + lost.join('')).join('') + end
        const listed = parts.map(([seen]) => `${seen.join('')}\uFFFD`).join('') + end
        expect(delivered(whole, { detokenised: listed })).not.toContain('text suspicious')
      }),
    )
  })
})

describe('the usage', () => {
  const claimed = (completion: number, over: Partial<AnswerUnderCheck> = {}): string[] =>
    changed({ ...over, usage: { prompt_tokens: 3, completion_tokens: completion } })
  const stopped = honestAnswer(7, { length: 10_000 })
  const n = honest.positions.length

  it('counts the ids', () => {
    expect(claimed(n + 4)).toEqual(['usage fail'])
    expect(claimed(n - 1)).toEqual(['usage note'])
    expect(claimed(n + 4, { finishReason: undefined })).toEqual(['usage note'])
    expect(claimed(3 * n)).toEqual(['usage fail', 'usage suspicious'])
    expect(changed({ usage: { prompt_tokens: 5, completion_tokens: n } })).toEqual(['usage fail'])
    expect(changed({ usage: { prompt_tokens: 4, completion_tokens: n } })).toEqual(['usage note'])
  })

  it('counts an EOS or not', () => {
    const { length } = stopped.positions
    expect(stopped.finishReason).toBe('stop')
    for (const completion of [length - 1, length]) expect(claimed(completion, stopped)).toEqual([])
    expect(claimed(length + 5, stopped)).toContain('usage fail')
  })

  it('may exceed the ids by what gaps of UTF-8 hide', () => {
    const over = { text: `${honest.text}😀`, detokenised: `${honest.text}\uFFFD` }
    expect(claimed(n + 3, over)).toEqual(['text note', 'usage note'])
    expect(claimed(n + 7, over)).toEqual(['text note', 'usage fail'])
    const whole = `${honest.text}😀😀`
    expect(claimed(n + 4, { text: whole, detokenised: whole })).toEqual(['usage fail'])
    expect(claimed(n + 4, { text: whole, detokenised: undefined })).toEqual(['usage note'])
  })

  it('is no multiple of what was delivered', () => {
    const without = { positions: [], countedTokens: 20 }
    expect(claimed(56, without)).not.toContain('usage suspicious')
    expect(claimed(57, { ...without, contentBytes: 5 })).toContain('usage suspicious')
  })
})

describe('the end', () => {
  const cut = (over: Partial<AnswerUnderCheck>): string[] => changed({ maxTokens: 300, ...over })

  it('by length is at a limit', () => {
    expect(cut({})).toEqual(['ending fail'])
    expect(cut({ contextLength: undefined })).toEqual(['ending suspicious'])
    expect(cut({ contextLength: honest.positions.length + 3 })).toEqual([])
    expect(changed({ maxTokens: honest.positions.length - 5 })).toEqual(['ending fail'])
  })

  it('by stop has an EOS or a stop sequence', () => {
    expect(cut({ finishReason: 'stop' })).toEqual(['ending suspicious'])
    expect(cut({ finishReason: 'stop', stopSequences: [honest.text.slice(-2)] })).toEqual([])
    const completion_tokens = honest.positions.length + 1
    const unlisted = { finishReason: 'stop', usage: { prompt_tokens: 3, completion_tokens } }
    expect(cut(unlisted)).toEqual(['ending note'])
    expect(cut({ finishReason: 'content_filter' })).toEqual(['ending note'])
    expect(cut({ finishReason: undefined })).toEqual([])
  })

  it('by an EOS is where one was likely', () => {
    const last = positionOf([1, 0.9], [2, 0.05], [3, 0.01])
    const ended = (logprob: number, over: Partial<AnswerUnderCheck> = {}): string[] => {
      const positions = [...honest.positions.slice(0, 20), { ...last, id: EOS, logprob }]
      return found({ ...answerOf(positions, 200), candidatesAsked: 3, ...over })
    }
    expect(ended(-5)).toEqual([])
    expect(ended(-9)).toEqual(['ending suspicious'])
    expect(ended(-9, { plainSampling: false })).toEqual([])
    expect(ended(-9, { sampling: { ...DRAWN, temperature: 1.5 } })).toEqual([])
  })
})

/** As many positions as asked, made by `position`. */
const repeated = (count: number, position: (i: number) => Position): AnswerUnderCheck => ({
  ...answerOf(
    Array.from({ length: count }, (_, i) => position(i)),
    count,
  ),
  candidatesAsked: 2,
})

describe('an EOS that was passed over', () => {
  const skipping = (count: number, p: number): AnswerUnderCheck => ({
    ...repeated(count, () => positionOf([1, (1 - p) * 0.9], [EOS, p])),
    candidatesAsked: 2,
  })

  it('is chance once, and a cheat all the time', () => {
    expect(found(skipping(3, 0.6))).toEqual([])
    expect(found(skipping(12, 0.6))).toEqual(['eos_skipped suspicious'])
    expect(found({ ...skipping(12, 0.6), plainSampling: false })).toEqual([])
  })

  it('is no chance at temperature 0', () => {
    const greedy = { sampling: { ...DRAWN, temperature: 0 } }
    expect(found({ ...skipping(1, 0.6), ...greedy })).toEqual(['eos_skipped suspicious'])
  })
})

describe('implausible tokens', () => {
  const unlikely = (nats: number, i: number): Position => ({
    ...positionOf([1, 0.99], [2, 0.0099]),
    id: 3 + (i % 20),
    logprob: nats,
  })
  const ordinary = (i: number): Position => positionOf([1 + (i % 2), 0.6], [3, 0.39])
  const mixed = (rare: number, nats: number): AnswerUnderCheck =>
    repeated(60, (i) => (i < rare ? unlikely(nats, i) : ordinary(i)))

  it('are more than their mass explains', () => {
    expect(found(mixed(4, -8.5))).toEqual([])
    expect(found(mixed(12, -8.5))).toEqual(['implausible_tokens suspicious'])
    expect(found({ ...mixed(12, -8.5), sampling: { ...DRAWN, temperature: 1.2 } })).toEqual([])
  })

  it('are none where the tail is cut', () => {
    expect(found(mixed(1, -14))).toEqual([])
    const nucleus = { sampling: { ...DRAWN, topP: 0.95 } }
    expect(found({ ...mixed(1, -14), ...nucleus })).toEqual(['implausible_tokens suspicious'])
  })

  it('are expected where the distribution is flat', () => {
    const flat = (i: number): Position => ({
      id: 3 + (i % 20),
      logprob: -8.5,
      top: [1, 2].map((id) => ({ id, logprob: -8 })),
    })
    expect(found(repeated(60, flat))).toEqual([])
  })
})

describe('an answer of only likeliest tokens', () => {
  const likeliest = (p: number, count = 100): AnswerUnderCheck =>
    repeated(count, (i) => positionOf([i % 60, p * (1 - i / 1e6)], [60, (1 - p) * 0.9]))

  it('was not drawn', () => {
    expect(found(likeliest(0.6))).toEqual(['always_likeliest suspicious'])
    expect(found(likeliest(0.6, 10))).toEqual([])
    for (const settings of [{ topK: 1 }, { topP: 0.5 }, { minP: 0.9 }, { temperature: 0 }])
      expect(found({ ...likeliest(0.6), sampling: { ...DRAWN, ...settings } })).toEqual([])
    for (const settings of [{ topK: 40 }, { topP: 0.9 }, { minP: 0.05 }, { temperature: 0.7 }])
      expect(found({ ...likeliest(0.6), sampling: { ...DRAWN, ...settings } })).toHaveLength(1)
  })

  it('is a note when all are all but certain', () => {
    expect(found(likeliest(0.9999))).toEqual(['always_likeliest note'])
  })
})

describe('logprobs', () => {
  const shape = (position: Partial<Position>): string[] => {
    const good = positionOf([1, 0.5], [2, 0.25])
    return found({ ...repeated(1, () => ({ ...good, ...position })), candidatesAsked: 2 })
  }
  const [first, second] = positionOf([1, 0.5], [2, 0.25]).top

  it('can be probabilities', () => {
    if (first === undefined || second === undefined) throw new Error('no candidates')
    const wrong: Partial<Position>[] = [
      { top: [second, first] },
      { top: [first, { ...second, id: 1 }] },
      { top: [first, { ...second, id: VOCABULARY }] },
      { top: [first, { ...second, id: 1.5 }] },
      { top: [first, { ...second, logprob: Number.NaN }] },
      { top: [first, { id: 2, logprob: first.logprob }, { id: 3, logprob: -3 }] },
      { top: [{ ...first, logprob: 0.2 }, second] },
      { logprob: first.logprob - 0.1 },
      { id: 5, logprob: first.logprob },
      { id: -1 },
    ]
    for (const position of wrong) expect(shape(position)).toEqual(['logprob_shape fail'])
    expect(shape({})).toEqual([])
    expect(shape({ id: 5, logprob: second.logprob })).toEqual([])
  })

  const digits = (round: (logprob: number) => number): string[] =>
    found(
      honestAnswer(3, {
        positions: honest.positions.map(({ id, logprob, top }) => ({
          id,
          logprob: round(logprob),
          top: top.map((candidate) => ({ id: candidate.id, logprob: round(candidate.logprob) })),
        })),
        text: honest.text,
        detokenised: honest.text,
        usage: honest.usage,
      }),
    )

  it('have digits', () => {
    const rounded = 'rounded_logprobs suspicious'
    const halved = (step: number) => (logprob: number) =>
      Math.f16round(Math.round(logprob / step) * step)
    expect(digits((logprob) => logprob)).not.toContain(rounded)
    expect(digits((logprob) => Math.round(logprob * 1e4) / 1e4)).not.toContain(rounded)
    for (const step of [0.01, 1 / 64]) expect(digits(halved(step))).toContain(rounded)
    expect(digits(halved(0.5))).toEqual(['logprob_shape fail'])
  })

  it('are not judged by their digits where few are moderate', () => {
    const few = { ...DEFAULT_RULES, roundingSample: 1e6 }
    const names = plausibility(honest, few).map(({ check }) => check)
    expect(names).not.toContain('rounded_logprobs')
  })
})

describe('the speed', () => {
  const timed = (timing: Partial<AnswerUnderCheck['timing']>): string[] =>
    changed({ timing: { ...honest.timing, ...timing } })

  it('is one that the hardware can reach', () => {
    expect(timed({ maxTokensPerSecond: 200, totalMs: 900 })).toEqual([])
    expect(timed({ maxTokensPerSecond: 200, totalMs: 400 })).toEqual(['speed suspicious'])
  })

  it('lets the prompt arrive first', () => {
    expect(timed({ roundTripMs: 200, ttftMs: 109 })).toEqual([])
    expect(timed({ roundTripMs: 200, ttftMs: 108 })).toEqual(['speed suspicious'])
  })
})
