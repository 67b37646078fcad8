import { compileChatTemplate } from '@infernet/models/chat-template'
import { describe, expect, it } from 'vitest'
import { requestOf } from './engine-conformance.ts'
import { renderLocally } from './local-render.ts'
import type { LocalModel } from './local-request.ts'
import type { RenderSource } from './token-source.ts'

const model: LocalModel = {
  id: 'm',
  contextLength: 1_000,
  capabilities: ['tools', 'seed'],
  endpoints: ['chat.completions', 'completions'],
  replay: 'llama-cpp',
  kept_only: false,
  vocabSize: 100,
  renderChat: compileChatTemplate("{% for m in messages %}{{ m['content'] }};{% endfor %}"),
}
const user = { role: 'user', content: 'hi' }
const tools = [{ type: 'function', function: { name: 'look', parameters: {} } }]
const never = new AbortController().signal

/** Renders with a model that says `text`; the prompt's ids are its characters. */
function render(
  text: string,
  body: Record<string, unknown> = {},
  more: { continues?: boolean; of?: LocalModel; at?: number } = {},
) {
  const source: RenderSource = {
    render: async (prompt) => ({
      prompt: typeof prompt === 'string' ? Array.from(prompt, (c) => c.charCodeAt(0)) : prompt,
      text,
    }),
  }
  const { continues = false, of = model, at } = more
  const request = requestOf('m', { messages: [user], ...body })
  const order = { ...request, continues, at, output: [1, 2] }
  return renderLocally(source, of, order, never)
}

const CALL = '<tool_call>\n{"name": "look", "arguments": {}}\n</tool_call>'

describe('what a local model says', () => {
  it.each<[string, string, string | null, Record<string, unknown>]>([
    ['is its text', 'a <b', 'a <b', {}],
    ['is its text beside tools that it does not call', ' a \n<tool', ' a \n<tool', { tools }],
    ['is its text where it may not call', CALL, CALL, { tools, tool_choice: 'none' }],
    ['is nothing to compare where it calls', `so ${CALL}`, null, { tools }],
    [
      'is nothing to compare where it must call',
      ' {}}\n</tool_call>',
      null,
      {
        tools,
        tool_choice: { type: 'function', function: { name: 'look' } },
      },
    ],
  ])('%s', async (_, said, text, body) => {
    expect((await render(said, body)).text).toBe(text)
  })

  it('begins behind what its client has already', async () => {
    const messages = [user, { role: 'assistant', content: 'so \n' }]
    const { prompt, text } = await render(' \nfar', { messages }, { continues: true })
    expect(String.fromCharCode(...prompt)).toBe('hi;so')
    expect(text).toBe('far')
  })

  it('follows a prompt of the day that it was asked for, or none', async () => {
    const renderChat = compileChatTemplate("{{ strftime_now('%d %b %Y') }}")
    const of = { ...model, renderChat, readsClock: true }
    const { prompt } = await render('a', {}, { of, at: Date.UTC(2026, 0, 31, 23, 59) })
    expect(String.fromCharCode(...prompt)).toBe('31 Jan 2026')
    await expect(render('a', {}, { of })).rejects.toMatchObject({ code: 'bad_request' })
  })

  it('is not waited for when the order is withdrawn', async () => {
    const withdrawing = new AbortController()
    const silent: RenderSource = { render: () => new Promise(() => {}) }
    const order = { ...requestOf('m', { messages: [user] }), output: [1] }
    const rendering = renderLocally(silent, model, order, withdrawing.signal)
    withdrawing.abort()
    await expect(rendering).rejects.toMatchObject({ code: 'aborted' })
  })
})
