import { compileChatTemplate } from '@infernet/models/chat-template'
import { describe, expect, it } from 'vitest'
import { requestOf } from './engine-conformance.ts'
import { JobFault } from './engine.ts'
import { readLocalRequest, type LocalModel } from './local-request.ts'

const template =
  "{% if tools %}TOOLS:{% for t in tools %}{{ t['function']['name'] }};{% endfor %}{% endif %}" +
  "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}" +
  "{% for c in m['tool_calls'] or [] %}[{{ c['function']['name'] }}]{% endfor %}{% endfor %}<assistant>"

const model: LocalModel = {
  id: 'm',
  contextLength: 1_000,
  capabilities: ['tools', 'json_schema', 'logprobs', 'seed'],
  endpoints: ['chat.completions', 'completions'],
  vocabSize: 100,
  replay: 'llama-cpp',
  kept_only: false,
  renderChat: compileChatTemplate(template),
}
const plain: LocalModel = { ...model, capabilities: ['seed'] }

const user = { role: 'user', content: 'hi' }
const tools = [
  { type: 'function', function: { name: 'look', parameters: {} } },
  { type: 'function', function: { name: 'leap', parameters: {} } },
]
const read = (body: Record<string, unknown>, of = model) =>
  readLocalRequest(requestOf('m', { messages: [user], ...body }, {}), of)

describe('reading a request for a local model', () => {
  it('renders every kind of message', () => {
    const call = { id: 'c', type: 'function', function: { name: 'look', arguments: '{}' } }
    const messages = [
      { role: 'developer', content: 'be brief' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', content: 'seen', tool_call_id: 'c' },
    ]
    expect(read({ messages }).generate.prompt).toBe(
      '<system>be brief<user>ab<assistant>[look]<tool>seen<assistant>',
    )
  })

  it.each([
    [{ tools }, 'TOOLS:look;leap;<user>hi<assistant>', '', true],
    [{ tools, tool_choice: 'none' }, '<user>hi<assistant>', '', false],
    [
      { tools, tool_choice: 'required' },
      'TOOLS:look;leap;<user>hi<assistant>',
      '<tool_call>\n',
      true,
    ],
    [
      { tools, tool_choice: { type: 'function', function: { name: 'leap' } } },
      'TOOLS:look;leap;<user>hi<assistant>',
      '<tool_call>\n{"name": "leap", "arguments":',
      true,
    ],
  ])('obeys tool_choice: %j', (body, prompt, prefill, parseTools) => {
    const local = read(body)
    expect(local.generate.prompt).toBe(prompt + prefill)
    expect(local).toMatchObject({ prefill, parseTools })
  })

  it('takes what the client says and llama-server’s defaults for the rest', () => {
    const { generate, stops } = read({
      top_k: 5,
      seed: 7,
      stop: 'x',
      max_tokens: 9,
      temperature: null,
    })
    expect(generate).toMatchObject({
      maxTokens: 9,
      shape: { type: 'text' },
      topLogprobs: undefined,
    })
    expect(generate.sampling).toMatchObject({
      temperature: 0.8,
      topK: 5,
      topP: 0.95,
      minP: 0.05,
      seed: 7,
    })
    expect(stops).toEqual(['x'])
    expect(read({}).generate.sampling.seed).toBe(7)
  })

  it.each([
    [{ n: 2 }, 'n'],
    [{ functions: [{ name: 'f' }] }, 'functions'],
    [{ tools }, 'tools'],
    [{ logprobs: true }, 'logprobs'],
    [{ response_format: { type: 'json_object' } }, 'response_format'],
    [
      {
        messages: [
          { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] },
        ],
      },
      'messages',
    ],
    [{ top_k: -1 }, 'top_k'],
    [{ temperature: 9 }, 'temperature'],
  ])('refuses with a 400 that names the field: %j', (body, param) => {
    const refuse = () => read(body, plain)
    expect(refuse).toThrow(JobFault)
    try {
      refuse()
    } catch (error) {
      expect((error as JobFault).error).toMatchObject({ fault: 'request', status: 400, param })
    }
  })

  it('blames the conversation when the template does', () => {
    const renderChat = compileChatTemplate("{{ raise_exception('roles must alternate') }}")
    expect(() => read({}, { ...model, renderChat })).toThrow('roles must alternate')
  })
})
