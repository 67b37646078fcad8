import { describe, expect, it } from 'vitest'
import {
  ChatTemplateError,
  compileChatTemplate,
  MAX_RENDERED_CHARS,
  readsClock,
  renderChat,
} from './chat-template.ts'
import { CHAT_TEMPLATE } from './corpus/template.ts'

const WEATHER = {
  type: 'function',
  function: { name: 'get_weather', parameters: { type: 'object', properties: {} } },
}
const TOOL_BLOCK = `You can call these tools:
<tools>
{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
</tools>
To call one, answer only with:
<tool_call>
{"name": "...", "arguments": {...}}
</tool_call>`

describe("the demo model's chat template", () => {
  const render = compileChatTemplate(CHAT_TEMPLATE)

  it('opens an answer to a plain question', () => {
    expect(render({ messages: [{ role: 'user', content: 'Hi' }] })).toBe(
      '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n',
    )
  })

  it('leaves the answer unopened on request', () => {
    const prompt = { messages: [{ role: 'user', content: 'Hi' }], addGenerationPrompt: false }
    expect(render(prompt)).toBe('<|im_start|>user\nHi<|im_end|>\n')
  })

  it.each(['system', 'developer'])('puts a %s message into the system block', (role) => {
    const messages = [
      { role, content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
    ]
    const opening = '<|im_start|>system\nBe brief.'
    expect(render({ messages })).toMatch(`${opening}<|im_end|>\n<|im_start|>user\nHi<|im_end|>`)
    expect(render({ messages, tools: [WEATHER] })).toContain(
      `${opening}\n\n${TOOL_BLOCK}<|im_end|>\n<|im_start|>user`,
    )
  })

  it('lists tools without a system message', () => {
    const text = render({ messages: [{ role: 'user', content: 'Hi' }], tools: [WEATHER] })
    expect(text.startsWith(`<|im_start|>system\n${TOOL_BLOCK}<|im_end|>\n`)).toBe(true)
  })

  it('writes calls and their results as it was trained to', () => {
    const call = { function: { name: 'get_weather', arguments: '{"city": "Paris"}' } }
    const text = render({
      messages: [
        { role: 'user', content: 'Weather?' },
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', content: 'sunny', tool_call_id: 'x' },
      ],
    })
    expect(text).toContain(
      '<|im_start|>assistant\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n' +
        '</tool_call><|im_end|>\n<|im_start|>tool\n<tool_response>\nsunny\n</tool_response><|im_end|>\n',
    )
  })

  it('separates several calls, and a call from text', () => {
    const call = { function: { name: 'f', arguments: {} } }
    const written = '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>'
    const said = (content: string, count: number): string =>
      render({
        messages: [
          { role: 'assistant', content, tool_calls: Array.from({ length: count }, () => call) },
        ],
        addGenerationPrompt: false,
      })
    expect(said('', 2)).toContain(`assistant\n${written}\n${written}<|im_end|>`)
    expect(said('Wait.', 1)).toContain(`assistant\nWait.\n${written}<|im_end|>`)
  })

  it('joins the text parts of a message', () => {
    const parts = [
      { type: 'text', text: 'one ' },
      { type: 'image_url', image_url: {} },
      { type: 'text', text: 'two' },
    ]
    const messages = [{ role: 'user', content: parts }]
    expect(render({ messages })).toContain('user\none two<|im_end|>')
  })

  it('renders an empty conversation', () => {
    expect(render({ messages: [] })).toBe('<|im_start|>assistant\n')
  })
})

describe('chat templates of other models', () => {
  it('may use the names of special tokens', () => {
    const render = compileChatTemplate('{{ bos_token }}{{ messages[0].content }}{{ eos_token }}', {
      bosToken: '<s>',
      eosToken: '</s>',
    })
    expect(render({ messages: [{ role: 'user', content: 'x' }] })).toBe('<s>x</s>')
  })

  it('may write the date, which is that of the prompt in UTC', () => {
    const source =
      "{% if strftime_now is defined %}{{ strftime_now('%d %b %Y') }}{% endif %}; " +
      "{{ strftime_now('%A, %B %d; %H:%M:%S %m 100%% %q') }}"
    const at = Date.UTC(2026, 6, 5, 23, 59, 8)
    expect(renderChat(source, { messages: [], at })).toBe(
      '05 Jul 2026; Sunday, July 05; 23:59:08 07 100% %q',
    )
    expect(readsClock(source)).toBe(true)
    expect(readsClock(CHAT_TEMPLATE)).toBe(false)
    expect(renderChat(source, { messages: [] })).not.toContain('05 Jul 2026')
  })

  it.each([
    ['does not parse', '{% for %}'],
    ['refuses the messages', '{{ raise_exception("no system messages") }}'],
    ['calls what does not exist', '{{ nothing.at.all() }}'],
  ])('fail with a typed error when the template %s', (_what, source) => {
    const render = (): string => renderChat(source, { messages: [{ role: 'user', content: 'x' }] })
    expect(render).toThrow(ChatTemplateError)
    expect(render).toThrow(expect.objectContaining({ code: 'chat_template_failed' }))
  })

  it('may not blow a prompt up', () => {
    const messages = [{ role: 'user', content: 'x'.repeat(MAX_RENDERED_CHARS / 2 + 1) }]
    const twice = '{{ messages[0].content }}{{ messages[0].content }}'
    expect(() => renderChat(twice, { messages })).toThrow(ChatTemplateError)
  })
})
