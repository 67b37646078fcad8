import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunked, cuts } from '../../test/chunking.ts'
import { streamErrorEvent } from '../api-error.ts'
import { apiErrors } from '../api-errors.ts'
import { commentEvent, doneEvent } from '../sse-encoder.ts'
import {
  HEAD,
  head,
  type Delta,
  chunk,
  joined,
  chat,
  translated,
  eventsOf,
  run,
  typesOf,
  CALLS,
} from '../../test/response-streams.ts'

describe('a chat stream as the events of a response', () => {
  it('tells a text from its beginning to its end', () => {
    const { bytes, ended } = translated([chat([{ content: 'Hel' }, { content: 'lo' }])])
    const events = eventsOf(bytes)
    expect(typesOf(events)).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'completed',
    ])
    const response = events.at(-1)?.response
    expect(response).toMatchObject({
      id: head.id,
      status: 'completed',
      model: 'tiny',
      created_at: 1_699_999_995,
      completed_at: 1_700_000_000,
      output: [{ type: 'message', status: 'completed', content: [{ text: 'Hello' }] }],
      usage: { input_tokens: 10, output_tokens: 3, total_tokens: 13, cost: 16, cost_sat: 0.016 },
    })
    expect(ended).toEqual([response])
    expect(new Set(events.flatMap(({ item, item_id: id }) => id ?? item?.id ?? [])).size).toBe(1)
  })

  it('keeps thoughts, words and a refusal apart', () => {
    const events = run([
      chat([
        { reasoning_content: 'Hm' },
        { reasoning: 'm.' },
        { content: 'No' },
        { refusal: 'I will not.' },
      ]),
    ])
    expect(events.at(-1)?.response.output).toMatchObject([
      { type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text: 'Hmm.' }] },
      { type: 'message', content: [{ text: 'No' }, { type: 'refusal', refusal: 'I will not.' }] },
    ])
    expect(typesOf(events)).toContain('reasoning_text.delta')
    expect(typesOf(events)).toContain('refusal.done')
  })

  it('tells calls that come in turns, each under its own id', () => {
    const events = run([chat([{ content: 'Wait.' }, ...CALLS], 'tool_calls')])
    const { output } = events.at(-1)!.response
    expect(output).toMatchObject([
      { type: 'message', status: 'completed' },
      { type: 'function_call', call_id: 'a', name: 'f', arguments: '{"x":1}', status: 'completed' },
      { type: 'function_call', name: 'g', arguments: '{}', status: 'completed' },
    ])
    expect(
      new Set(output.map((item) => (item.type === 'function_call' ? item.call_id : ''))).size,
    ).toBe(3)
    for (const [index, item] of output.entries()) {
      if (item.type !== 'function_call') continue
      const deltas = events.filter(
        (event) => event.type.endsWith('arguments.delta') && event.output_index === index,
      )
      expect(deltas.map(({ delta }) => delta).join('')).toBe(item.arguments)
      expect(deltas.every((event) => event.item_id === item.id)).toBe(true)
    }
  })

  it('waits for the name of a call before it tells of it', () => {
    const late: Delta[] = [
      { tool_calls: [{ index: 0, function: { arguments: '{' } }] },
      { tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: '}' } }] },
    ]
    const { output } = run([chat(late, 'tool_calls')]).at(-1)!.response
    expect(output).toMatchObject([{ name: 'f', arguments: '{}' }])
  })

  it('hands on log probabilities, always with bytes', () => {
    const token = { token: 'é', logprob: -1, bytes: null, top_logprobs: [], id: 7 }
    const bytes = joined([chunk({ content: 'é' }, { content: [token] }), chat([])])
    const events = run([bytes])
    const expected = [{ token: 'é', logprob: -1, bytes: [195, 169], top_logprobs: [] }]
    expect(events.at(-1)?.response.output[0]).toMatchObject({ content: [{ logprobs: expected }] })
  })

  it.each([
    ['length', 'max_output_tokens'],
    ['content_filter', 'content_filter'],
  ] as const)('ends incomplete when the model stopped for %s', (reason, expected) => {
    const { bytes, ended } = translated([chat([{ content: 'Hel' }], reason)])
    const last = eventsOf(bytes).at(-1)
    expect(last?.type).toBe('response.incomplete')
    expect(last?.response).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: expected },
      output: [{ status: 'incomplete' }],
      usage: { total_tokens: 13 },
    })
    expect(ended).toHaveLength(1)
  })

  it('gives an answer of no words an empty message', () => {
    const { output } = run([chat([])]).at(-1)!.response
    expect(output).toMatchObject([
      { type: 'message', content: [{ type: 'output_text', text: '' }] },
    ])
  })

  it('lets comments pass in their place', () => {
    const { bytes } = translated([commentEvent('wait'), chat([{ content: 'x' }])])
    expect(new TextDecoder().decode(bytes)).toMatch(/in_progress.*\n\n: wait\n\nevent:/)
  })
})

describe('a chat stream that does not end well', () => {
  const whole = chat([{ content: 'Hel' }, { content: 'lo' }])
  const cases: [string, Uint8Array, string][] = [
    ['is empty', new Uint8Array(), 'provider_failed'],
    ['ends before its finish reason', joined([chunk({ content: 'Hel' })]), 'provider_failed'],
    ['lacks [DONE]', whole.slice(0, whole.length - doneEvent().length), 'provider_failed'],
    [
      'has [DONE] without a finish reason',
      joined([chunk({ content: 'x' }), doneEvent()]),
      'provider_failed',
    ],
    ['is no JSON', new TextEncoder().encode('data: {\n\n'), 'provider_failed'],
    ['is no event stream', new TextEncoder().encode('<html>\n'), 'provider_failed'],
    [
      'calls more than anyone can answer',
      chat(
        Array.from({ length: 129 }, (_, index) => ({
          tool_calls: [{ index, id: `call_${index}`, function: { name: 'f' } }],
        })),
      ),
      'provider_failed',
    ],
    [
      'says more than a response may hold',
      joined(Array.from({ length: 9 }, () => chunk({ content: 'x'.repeat(1_000_000) }))),
      'provider_failed',
    ],
    [
      'calls something without a name',
      chat([{ tool_calls: [{ index: 0, id: 'a' }] }]),
      'provider_failed',
    ],
    [
      'has an error in band',
      joined([
        chunk({ content: 'Hel' }),
        streamErrorEvent(apiErrors.providerTimeout(60_000), HEAD),
      ]),
      'provider_timeout',
    ],
  ]
  it.each(cases)('fails, and never completes, when it %s', (_, bytes, code) => {
    const { bytes: out, ended } = translated([bytes])
    const events = eventsOf(out)
    expect(events.at(-2)).toMatchObject({ type: 'error', code })
    expect(events.at(-1)).toMatchObject({
      type: 'response.failed',
      response: { status: 'failed', error: { code: 'server_error' } },
    })
    expect(typesOf(events)).not.toContain('completed')
    expect(ended).toEqual([])
  })

  it('keeps what was said before the failure, as incomplete', () => {
    const events = run([chunk({ content: 'Hel' })])
    expect(events.at(-1)?.response.output).toMatchObject([
      { status: 'incomplete', content: [{ text: 'Hel' }] },
    ])
  })
})

describe('any chat stream', () => {
  const word = fc.string({ minLength: 1, maxLength: 5 })
  const delta = fc.oneof(
    word.map((content): Delta => ({ content })),
    word.map((reasoning_content): Delta => ({ reasoning_content })),
    word.map((refusal): Delta => ({ refusal })),
    fc.record({ index: fc.nat(2), text: word }).map(({ index, text }): Delta => ({
      tool_calls: [
        { index, id: `call_${index}`, function: { name: `f${index}`, arguments: text } },
      ],
    })),
  )
  const deltas = fc.array(delta, { maxLength: 12 })

  it('gives the same bytes however it is cut', () => {
    fc.assert(
      fc.property(deltas, cuts, (said, at) => {
        const stream = joined([commentEvent('wait'), chat(said)])
        expect(translated(chunked(stream, at)).bytes).toEqual(translated([stream]).bytes)
      }),
    )
  })

  it('tells in events what the last one says at once', () => {
    fc.assert(
      fc.property(deltas, (said) => {
        const events = run([chat(said)])
        const { output } = events.at(-1)!.response
        const done = events.filter(({ type }) => type === 'response.output_item.done')
        const byPlace = done.toSorted((a, b) => a.output_index - b.output_index)
        expect(byPlace.map(({ item }) => item)).toEqual(output)
        expect(new Set(output.map(({ id }) => id)).size).toBe(output.length)
      }),
    )
  })

  it('fails when it is cut short anywhere', () => {
    const stream = chat([{ reasoning_content: 'Hm.' }, { content: 'Yes.' }, ...CALLS], 'tool_calls')
    fc.assert(
      fc.property(fc.nat(stream.length - 1), (end) => {
        expect(run([stream.slice(0, end)]).at(-1)?.type).toBe('response.failed')
      }),
    )
  })
})
