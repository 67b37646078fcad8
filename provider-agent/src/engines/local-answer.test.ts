import { compileChatTemplate } from '@infernet/models/chat-template'
import { describe, expect, it } from 'vitest'
import { eventsOf, contentOf, RecordingSink, requestOf } from './engine-conformance.ts'
import { faultOf, type EngineRequest } from './engine.ts'
import { beginLocalAnswer } from './local-answer.ts'
import { HELD_STEP_BYTES, POSITION_BYTES } from './local-evidence.ts'
import type { LocalModel } from './local-request.ts'
import type { Prompt, TokenSink, TokenSource } from './token-source.ts'

const model: LocalModel = {
  id: 'm',
  contextLength: 1_000,
  capabilities: ['tools', 'seed'],
  endpoints: ['chat.completions', 'completions'],
  replay: 'llama-cpp',
  kept_only: false,
  vocabSize: 100,
  renderChat: compileChatTemplate('x'),
}
const now = () => 1_700_000_000_000
const messages = [{ role: 'user', content: 'hi' }]
const tools = [{ type: 'function', function: { name: 'look', parameters: {} } }]

/** A source that hands out its sink instead of tokens. */
function makeChat(body: Record<string, unknown>, more: Partial<EngineRequest> = {}) {
  let tokens: TokenSink | undefined
  let prompt: Prompt | undefined
  let aborts = 0
  const source: TokenSource = {
    generate(request, sink) {
      tokens = sink
      prompt = request.prompt
      return { pause: () => {}, resume: () => {}, abort: () => aborts++ }
    },
  }
  const sink = new RecordingSink()
  const run = beginLocalAnswer(
    source,
    model,
    requestOf('m', { messages, ...body }, more),
    sink,
    now,
  )
  tokens?.prompt([1, 2, 3, 4, 5], 0)
  const give = (count: number) =>
    tokens?.pieces(
      Array.from({ length: count }, () => ({
        text: 'x',
        position: { id: 1, logprob: -1, top: [] },
      })),
    )
  const say = (...texts: string[]) => tokens?.pieces(texts.map((text) => ({ text })))
  return {
    sink,
    run,
    prompt: () => prompt,
    say,
    give,
    end: (reason: 'stop' | 'length') => tokens?.end(reason),
    aborts: () => aborts,
  }
}

describe('a local chat', () => {
  it('tells in steps what it keeps to be audited, and may be ended for it', () => {
    const { sink, run, give, aborts } = makeChat({})
    const held: number[] = []
    Object.assign(sink, {
      holds: (bytes: number) => {
        held.push(bytes)
        if (held.length === 2) run.abort()
      },
    })
    const step = Math.ceil(HELD_STEP_BYTES / POSITION_BYTES)
    give(step - 1)
    expect(held).toEqual([])
    give(1)
    give(1)
    expect(held).toEqual([step * POSITION_BYTES])
    give(3 * step)
    expect(held).toHaveLength(2)
    give(3 * step)
    expect([held.length, aborts()]).toEqual([2, 1])
  })

  it('makes one event per token and one call per batch', () => {
    const { sink, say, end, run } = makeChat({})
    say('Hel', 'lo')
    say('', ' you')
    end('stop')
    expect(sink.calls).toBe(4)
    expect(contentOf(sink.text)).toBe('Hello you')
    expect(eventsOf(sink.text)).toHaveLength(5)
    expect(run.usage()).toEqual({ prompt_tokens: 5, completion_tokens: 4 })
  })

  it('stops the source at a stop sequence that spans tokens', () => {
    const { sink, say, aborts } = makeChat({ stop: ['END'] })
    say('one E', 'ND two')
    expect(contentOf(sink.text)).toBe('one ')
    expect({ aborts: aborts(), reason: sink.finishReason }).toEqual({ aborts: 1, reason: 'stop' })
  })

  it('turns tool calls into deltas', () => {
    const { sink, say, end } = makeChat({ tools })
    say('Wait. ', '<tool_', 'call>{"name":"look","arguments":{"at":1}}', '</tool_call>')
    end('stop')
    expect(sink.finishReason).toBe('tool_calls')
    expect(contentOf(sink.text).trim()).toBe('Wait.')
    const calls = eventsOf(sink.text)
      .flatMap((event) => event['choices'] as { delta: { tool_calls?: object[] } }[])
      .flatMap(({ delta }) => delta.tool_calls ?? [])
    expect(calls).toMatchObject([{ index: 0, function: { name: 'look', arguments: '{"at":1}' } }])
  })

  it('completes a forced call that the prompt began', () => {
    const choice = { type: 'function', function: { name: 'look' } }
    const { sink, say, end } = makeChat({ tools, tool_choice: choice }, { stream: false })
    say('{"at":2}}</tool_call>')
    end('stop')
    expect(JSON.parse(sink.text)).toMatchObject({
      choices: [
        {
          finish_reason: 'tool_calls',
          message: {
            content: null,
            tool_calls: [{ function: { name: 'look', arguments: '{"at":2}' } }],
          },
        },
      ],
    })
  })

  it('says length even when a call was found', () => {
    const { sink, say, end } = makeChat({ tools })
    say('<tool_call>{"name":"look","arguments":{}}</tool_call> and')
    end('length')
    expect(sink.finishReason).toBe('length')
  })

  it('answers with nothing but a role when the model says nothing', () => {
    const { sink, end } = makeChat({})
    end('stop')
    expect(eventsOf(sink.text)).toHaveLength(2)
    expect(sink.finishReason).toBe('stop')
  })
})

describe('a local answer that goes on', () => {
  const goOn = (begun: string) => {
    const body = { messages: [...messages, { role: 'assistant', content: begun }] }
    return makeChat(body, { continues: true })
  }

  it('ends its prompt before the white space, which it then takes out of the answer', () => {
    const { sink, say, end, prompt, run } = goOn('one, ')
    expect(prompt()).toBe('xone,')
    say(' two', ' three')
    end('stop')
    expect(contentOf(sink.text)).toBe('two three')
    expect(run.usage()).toEqual({ prompt_tokens: 5, completion_tokens: 2 })
  })

  it('charges nobody for tokens that only say white space again: the prompt has its ids, and no more', () => {
    const { sink, say, end, run } = goOn('one,\n  ')
    say('\n', '  ', 'two')
    end('stop')
    expect(contentOf(sink.text)).toBe('two')
    expect(run.usage()).toEqual({ prompt_tokens: 5, completion_tokens: 1 })
  })

  it('takes nothing out of an answer that goes on otherwise', () => {
    const { sink, say, end } = goOn('one\n\n')
    say('\n', 'two', '\n\n')
    end('stop')
    expect(contentOf(sink.text)).toBe('two\n\n')
  })

  it('is refused when there is nothing to go on from', () => {
    expect(() => makeChat({}, { continues: true })).toThrow('what the assistant has said')
  })
})

describe('a local completion', () => {
  const complete = (body: object) =>
    makeChat({ messages: undefined, ...body }, { endpoint: 'completions' })

  it('takes the prompt as it is, text or tokens', () => {
    expect(complete({ prompt: '<|im_start|>' }).prompt()).toBe('<|im_start|>')
    expect(complete({ prompt: ['a'] }).prompt()).toBe('a')
    expect(complete({ prompt: [1, 2, 99] }).prompt()).toEqual([1, 2, 99])
  })

  it.each([
    [{ prompt: ['a', 'b'] }, 'prompt'],
    [{ prompt: 'a', n: 2 }, 'n'],
    [{ prompt: 'a', echo: true }, 'echo'],
    [{ prompt: 'a', suffix: 'b' }, 'suffix'],
    [{ prompt: 'a', logprobs: 1 }, 'logprobs'],
    [{ prompt: [100] }, 'prompt'],
  ])('is refused with a 400 that names the field: %j', (body, param) => {
    try {
      complete(body)
      expect.fail('it was taken')
    } catch (error) {
      expect(faultOf(error)).toMatchObject({ fault: 'request', status: 400, param })
    }
  })

  it('stops at its stop sequences', () => {
    const { sink, say } = complete({ prompt: 'a', stop: ['END'] })
    say('one E', 'ND two')
    expect(contentOf(sink.text)).toBe('one ')
    expect(sink.finishReason).toBe('stop')
  })
})
