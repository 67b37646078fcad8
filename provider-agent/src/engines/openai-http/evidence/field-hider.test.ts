import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SseRelay } from '../sse-relay.ts'
import { AnswerTrace } from './answer-trace.ts'
import type { EvidencePlan } from './evidence-plan.ts'
import { FieldHider, type Hiding } from './field-hider.ts'
import { traceRequest } from './traced-request.ts'

const RECORDINGS = join(import.meta.dirname, '../../../testing/recordings')
const HASH = '00'.repeat(32)
const spec = {
  weights: HASH,
  template: HASH,
  quantization: 'x',
  kv: 'x',
  engine: 'x',
  backend: 'x',
}
const defaults = { temperature: 1, top_k: 40, top_p: 1, min_p: 0 }
const VLLM: Hiding = { logprobs: 'null', ids: true, timings: false }

const planOf = (kind: EvidencePlan['kind']): EvidencePlan => ({
  kind,
  spec,
  defaults,
  replay: 'none',
  candidates: 20,
  endpoints: ['chat.completions', 'completions'],
})

/** The demo model's ids of the recorded questions. */
const PROMPTS = {
  'chat.completions': [1021, 287, 10, 392, 770, 789, 63, 1022, 10, 1021, 278, 10],
  completions: [400, 770],
} as const
type Shown = keyof typeof PROMPTS

function traceOf(kind: EvidencePlan['kind'], endpoint: Shown, isStream: boolean): AnswerTrace {
  const payload = { messages: [], prompt: 'q', stream: isStream, seed: 7, temperature: 0 }
  const request = traceRequest({ endpoint, payload, choices: 1 }, planOf(kind))
  if (request === undefined) throw new Error('not traced')
  const promptIds = kind === 'vllm' ? undefined : Promise.resolve(PROMPTS[endpoint])
  return new AnswerTrace({ plan: planOf(kind), endpoint, isStream, request, promptIds })
}

/** Two recordings of one answer differ in their ids and times. */
const timeless = (text: string): string =>
  text
    .replaceAll(/"(id|system_fingerprint)":"[^"]*"/g, '"$1":""')
    .replaceAll(
      /"(created|cached_tokens|cache_n|prompt_n|\w+_ms|\w+_per_second)":[\d.e-]+/g,
      '"$1":0',
    )

const KINDS = ['vllm', 'llama-server'] as const
const ENDPOINTS = ['chat.completions', 'completions'] as const
const ALL = KINDS.flatMap((kind) => ENDPOINTS.map((endpoint) => [kind, endpoint] as const))

describe('a recorded answer that was asked to show itself', () => {
  const read = (kind: string, endpoint: Shown, ending: string): Buffer =>
    readFileSync(
      join(
        RECORDINGS,
        kind,
        `shown-${endpoint === 'completions' ? 'completion' : 'chat'}${ending}`,
      ),
    )

  it.each(ALL)(
    'is the one that was not, byte by byte, cut anywhere: %s %s',
    async (kind, endpoint) => {
      const shown = read(kind, endpoint, '.sse')
      const plain = read(kind, endpoint, '-plain.sse').toString()
      for (const size of [shown.length, 1_000, 7]) {
        const trace = traceOf(kind, endpoint, true)
        const take = trace.take.bind(trace)
        const relay = new SseRelay({ showUsage: true, choices: 1, take })
        const parts: Buffer[] = []
        for (let at = 0; at < shown.length; at += size)
          parts.push(...relay.push(shown.subarray(at, at + size)))
        const text = `${Buffer.concat([...parts, ...relay.flush()])}data: [DONE]\n\n`
        expect(timeless(text)).toBe(timeless(plain))
        await trace.pending
        const evidence = trace.evidence({ usage: relay.usage, finishReason: relay.finishReason })
        expect(evidence?.transcript.prompt).toEqual(PROMPTS[endpoint])
        expect(evidence?.transcript.positions.map(({ top }) => top.length)).toEqual([
          20, 20, 20, 20,
        ])
      }
    },
  )

  it.each(ALL)('and so is a whole one: %s %s', async (kind, endpoint) => {
    const shown = read(kind, endpoint, '.json')
    const plain = read(kind, endpoint, '-plain.json').toString()
    const trace = traceOf(kind, endpoint, false)
    const taken = trace.take(shown, JSON.parse(shown.toString()))
    expect(timeless(String(taken))).toBe(timeless(plain))
    await trace.pending
    const usage = { prompt_tokens: PROMPTS[endpoint].length, completion_tokens: 4 }
    const evidence = trace.evidence({ usage, finishReason: 'length' })
    expect(evidence?.transcript.positions).toHaveLength(4)
    // Five tokens were counted, and four are there.
    const five = { ...usage, completion_tokens: 5 }
    expect(trace.evidence({ usage: five, finishReason: 'length' })).toBeUndefined()
    const longer = { ...usage, prompt_tokens: usage.prompt_tokens + 1 }
    expect(trace.evidence({ usage: longer, finishReason: 'length' })).toBeUndefined()
  })
})

describe('hiding', () => {
  const hide = (hiding: Hiding, value: unknown): unknown =>
    JSON.parse(new FieldHider(hiding).hide(Buffer.from(JSON.stringify(value))).toString())

  it('leaves everything but the fields, wherever they stand', () => {
    const anyChoice = fc.dictionary(
      fc.constantFrom('index', 'delta', 'logprobs', 'token_ids', 'prompt_token_ids', 'text', '{"'),
      fc.jsonValue(),
    )
    const anyAnswer = fc.record({
      before: fc.jsonValue(),
      prompt_token_ids: fc.jsonValue(),
      choices: fc.array(anyChoice),
      timings: fc.jsonValue(),
    })
    const withoutIn = (choice: Record<string, unknown>) =>
      Object.fromEntries(
        Object.entries(choice).map(([key, value]) =>
          ['logprobs', 'token_ids', 'prompt_token_ids'].includes(key) ? [key, null] : [key, value],
        ),
      )
    fc.assert(
      fc.property(anyAnswer, (answer) => {
        // Engines write an object there, or null.
        const choices = answer.choices.map((choice) =>
          'logprobs' in choice
            ? { ...choice, logprobs: { content: [choice['logprobs']] } }
            : choice,
        )
        const expected = { ...answer, prompt_token_ids: null, choices: choices.map(withoutIn) }
        const plain: unknown = JSON.parse(JSON.stringify(expected))
        expect(hide(VLLM, { ...answer, choices })).toEqual(plain)
      }),
    )
  })

  it('shows a client as many of the likeliest as it asked for', () => {
    const top_logprobs = [{ token: 'a]}' }, { token: 'b' }, { token: '"c' }]
    const content = [
      { token: 'a', top_logprobs },
      { token: 'x', top_logprobs: [] },
    ]
    const cut = (top: number): unknown => [
      { token: 'a', top_logprobs: top_logprobs.slice(0, top) },
      { token: 'x', top_logprobs: [] },
    ]
    for (const top of [1, 2, 3, 9]) {
      const hiding: Hiding = { logprobs: { top }, ids: false, timings: false }
      const answer = { choices: [{ logprobs: { content } }], timings: { predicted_n: 1 } }
      expect(hide(hiding, answer)).toEqual({
        ...answer,
        choices: [{ logprobs: { content: cut(top) } }],
      })
    }
  })

  it('takes keys out with one of their commas', () => {
    const hiding: Hiding = { logprobs: 'gone', ids: false, timings: true }
    const taken = (text: string): string =>
      new FieldHider(hiding).hide(Buffer.from(text)).toString()
    expect(taken('{"choices":[{"logprobs":{"a":"}"}}],"timings":{}}')).toBe('{"choices":[{}]}')
    expect(taken('{"timings":{}, "choices":[{"i":0, "logprobs": [1], "x":1}]}')).toBe(
      '{ "choices":[{"i":0, "x":1}]}',
    )
    // They are the server's own where it tells no token.
    expect(taken('{"choices":[],"timings":{}}')).toBe('{"choices":[],"timings":{}}')
    expect(() => taken('{"choices":[{"logprobs":{"a":"}')).toThrow('has no end')
  })
})
