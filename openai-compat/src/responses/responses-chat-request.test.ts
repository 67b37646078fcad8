import { describe, expect, it } from 'vitest'
import codexRequest from '../../test/codex-request.json' with { type: 'json' }
import { schemaProblems } from '../../test/openai-schema.ts'
import { ApiError } from '../api-error.ts'
import type { SpokenItem } from './responses-request-schema.ts'
import { responsesChatRequest } from './responses-chat-request.ts'
import { conversationOf, parseResponsesRequest, referencesOf } from './responses-request.ts'

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

interface Known {
  history?: SpokenItem[]
  byId?: Map<string, SpokenItem>
}

/** The chat request that a response's request becomes, as the engine gets it. */
function converted(fields: Record<string, unknown>, known: Known = {}): Record<string, unknown> {
  const body = parseResponsesRequest(bytes({ model: 'tiny', input: 'Hi', ...fields }))
  const { history = [], byId = new Map() } = known
  const conversation = conversationOf(body, { history, byId })
  const chat = responsesChatRequest(body, conversation, history.length)
  const sent = JSON.parse(new TextDecoder().decode(chat.body)) as Record<string, unknown>
  expect(chat.request.body).toEqual(sent)
  return sent
}

function refusal(fields: Record<string, unknown>, known: Known = {}): ApiError {
  try {
    converted(fields, known)
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
  throw new Error('was accepted')
}

const weather = {
  type: 'function',
  name: 'weather',
  description: 'Tells the weather.',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
  strict: true,
}

const call = (id: string) => ({
  type: 'function_call',
  call_id: id,
  name: 'weather',
  arguments: '{}',
})

const toolCall = (id: string) => ({
  id,
  type: 'function',
  function: { name: 'weather', arguments: '{}' },
})

const user = (content: unknown): object[] => [{ role: 'user', content }]

describe('the request of a response as a chat request', () => {
  it('is a valid chat request, whatever is set', () => {
    const chat = converted({
      instructions: 'Be short.',
      input: 'How is Rome?',
      tools: [weather],
      tool_choice: { type: 'function', name: 'weather' },
      parallel_tool_calls: false,
      text: {
        format: { type: 'json_schema', name: 'reply', schema: { type: 'object' }, strict: true },
        verbosity: 'low',
      },
      reasoning: { effort: 'low', summary: 'auto' },
      max_output_tokens: 50,
      temperature: 0.5,
      top_p: 0.9,
      top_logprobs: 2,
      include: ['message.output_text.logprobs', 'reasoning.encrypted_content'],
      metadata: { a: 'b' },
      stream: true,
      stream_options: { include_obfuscation: false },
      truncation: 'auto',
      store: false,
      user: 'someone',
    })
    expect(schemaProblems('CreateChatCompletionRequest', chat)).toEqual([])
    expect(chat).toEqual({
      model: 'tiny',
      messages: [
        { role: 'system', content: 'Be short.' },
        { role: 'user', content: 'How is Rome?' },
      ],
      tools: [
        {
          type: 'function',
          function: {
            name: 'weather',
            description: 'Tells the weather.',
            parameters: weather.parameters,
            strict: true,
          },
        },
      ],
      tool_choice: { type: 'function', function: { name: 'weather' } },
      parallel_tool_calls: false,
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'reply', schema: { type: 'object' }, strict: true },
      },
      verbosity: 'low',
      reasoning_effort: 'low',
      max_completion_tokens: 50,
      temperature: 0.5,
      top_p: 0.9,
      logprobs: true,
      top_logprobs: 2,
      metadata: { a: 'b' },
      stream: true,
      stream_options: { include_usage: true },
      store: false,
      user: 'someone',
    })
  })

  it('asks for usage only in a stream, where it would be missing', () => {
    expect(converted({})).not.toHaveProperty('stream_options')
    expect(converted({ stream: true })).toHaveProperty('stream_options.include_usage', true)
  })

  it('hands on what neither API knows, and the market’s own fields', () => {
    const fields = { top_k: 4, seed: 7, provider: { zdr: true }, models: ['other'] }
    expect(converted(fields)).toMatchObject(fields)
  })

  it('lets no chat field in by its own name', () => {
    const chat = converted({ messages: [{ role: 'user', content: 'x' }], max_tokens: 9, n: 1 })
    expect(chat).toEqual({ model: 'tiny', messages: [{ role: 'user', content: 'Hi' }] })
  })

  it('shows the model only the tools it may choose', () => {
    const other = { ...weather, name: 'other' }
    const tool_choice = {
      type: 'allowed_tools',
      mode: 'required',
      tools: [{ type: 'function', name: 'other' }],
    }
    const chat = converted({ tools: [weather, other], tool_choice })
    expect(chat['tools']).toMatchObject([{ function: { name: 'other' } }])
    expect(chat['tool_choice']).toBe('required')
  })

  it('leaves a web search out beside other tools', () => {
    const chat = converted({ tools: [weather, { type: 'web_search', external_web_access: true }] })
    expect(chat['tools']).toMatchObject([{ function: { name: 'weather' } }])
  })

  it('is what Codex asks', () => {
    const chat = converted(codexRequest)
    expect(schemaProblems('CreateChatCompletionRequest', chat)).toEqual([])
    const names = (chat['tools'] as { function: { name: string } }[]).map((t) => t.function.name)
    expect(names).toContain('exec_command')
    expect(names).toContain('multi_agent_v1__spawn_agent')
    expect(chat['messages']).toHaveLength(codexRequest.input.length)
  })

  it('shows the functions of a namespace under both names', () => {
    const crm = { type: 'namespace', name: 'crm', description: 'Customers.', tools: [weather] }
    const far = { ...crm, name: 'x'.repeat(64) }
    const earlier = { ...call('call_1'), namespace: 'crm' }
    const output = { type: 'function_call_output', call_id: 'call_1', output: 'Sun.' }
    const chat = converted({ tools: [weather, crm, far], input: [earlier, output] })
    const names = ['weather', 'crm__weather', `${'x'.repeat(55)}__weather`]
    expect(chat['tools']).toMatchObject(names.map((name) => ({ function: { name } })))
    expect(chat['messages']).toMatchObject([
      { tool_calls: [{ function: { name: 'crm__weather' } }] },
      { role: 'tool', content: 'Sun.' },
    ])
    expect(schemaProblems('CreateChatCompletionRequest', chat)).toEqual([])
  })
})

describe('the items of the input as messages', () => {
  it('keeps the order and the roles, with and without a type', () => {
    const input = [
      { role: 'developer', content: 'Rules.' },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hi' }] },
      { role: 'assistant', content: [{ type: 'output_text', text: 'Hello', annotations: [] }] },
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'See' },
          { type: 'input_image', image_url: 'data:image/png;base64,AA==', detail: 'original' },
          { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' },
          { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } },
        ],
      },
    ]
    const chat = converted({ input })
    expect(schemaProblems('CreateChatCompletionRequest', chat)).toEqual([])
    expect(chat['messages']).toEqual([
      { role: 'developer', content: 'Rules.' },
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'See' },
          {
            type: 'image_url',
            image_url: { url: 'data:image/png;base64,AA==', detail: 'high' },
          },
          {
            type: 'file',
            file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' },
          },
          { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } },
        ],
      },
    ])
  })

  it('makes one message of all that the assistant said, thought and called in one turn', () => {
    const input = [
      { role: 'user', content: 'Rome and Oslo?' },
      {
        type: 'reasoning',
        id: 'rs_1',
        summary: [],
        content: [{ type: 'reasoning_text', text: 'Two.' }],
      },
      { role: 'assistant', content: 'Let me see.' },
      call('call_1'),
      call('call_2'),
      { type: 'function_call_output', call_id: 'call_1', output: 'Sun.' },
      {
        type: 'function_call_output',
        call_id: 'call_2',
        output: [{ type: 'input_text', text: 'Rain.' }],
      },
      { type: 'reasoning', id: 'rs_2', summary: [{ type: 'summary_text', text: 'Led nowhere.' }] },
    ]
    expect(converted({ input })['messages']).toEqual([
      { role: 'user', content: 'Rome and Oslo?' },
      {
        role: 'assistant',
        content: 'Let me see.',
        reasoning_content: 'Two.',
        tool_calls: [toolCall('call_1'), toolCall('call_2')],
      },
      { role: 'tool', tool_call_id: 'call_1', content: 'Sun.' },
      { role: 'tool', tool_call_id: 'call_2', content: 'Rain.' },
    ])
  })

  const said: SpokenItem[] = [
    { type: 'message', id: 'msg_a', role: 'user', content: 'One?' },
    { type: 'message', id: 'msg_b', role: 'assistant', content: 'Two.' },
  ]

  it('puts the history first, and does not repeat what the input refers to in it', () => {
    const input = [{ id: 'msg_b' }, { role: 'user', content: 'Three?' }]
    const chat = converted({ input, instructions: 'New rules.' }, { history: said })
    expect(chat['messages']).toEqual([
      { role: 'system', content: 'New rules.' },
      { role: 'user', content: 'One?' },
      { role: 'assistant', content: 'Two.' },
      { role: 'user', content: 'Three?' },
    ])
  })

  it('resolves references to stored items', () => {
    const input = [
      { type: 'item_reference', id: 'msg_a' },
      { id: 'msg_b', type: null },
      { role: 'user', content: 'Three?' },
    ]
    const byId = new Map(said.map((item) => [item.id as string, item]))
    expect(converted({ input }, { byId })['messages']).toHaveLength(3)
    const body = parseResponsesRequest(bytes({ model: 'tiny', input }))
    expect(referencesOf(body)).toEqual(['msg_a', 'msg_b'])
  })
})

describe('a request that cannot become a chat request', () => {
  const cases: [string, Record<string, unknown>, Partial<ApiError>][] = [
    ['no input', { input: undefined }, { param: 'input' }],
    ['an empty input', { input: [] }, { param: 'input' }],
    [
      'an input of nothing but references and thoughts',
      { input: [{ type: 'reasoning', summary: [] }] },
      { param: 'input' },
    ],
    ['a background answer', { background: true }, { param: 'background' }],
    ['a conversation', { conversation: 'conv_1' }, { param: 'conversation' }],
    ['a stored prompt', { prompt: { id: 'pmpt_1' } }, { param: 'prompt' }],
    ['a tool of OpenAI’s', { tools: [weather, { type: 'mcp' }] }, { param: 'tools.1.type' }],
    ['nothing but a web search', { tools: [{ type: 'web_search' }] }, { param: 'tools.0.type' }],
    [
      'such a tool in a namespace',
      { tools: [{ type: 'namespace', name: 'n', tools: [weather, { type: 'custom' }] }] },
      { param: 'tools.0.tools.1.type' },
    ],
    [
      'an empty namespace',
      { tools: [{ type: 'namespace', name: 'n', tools: [] }] },
      { param: 'tools.0.tools' },
    ],
    ['a choice of such a tool', { tool_choice: { type: 'mcp' } }, { param: 'tool_choice.type' }],
    ['a tool without a name', { tools: [{ type: 'function' }] }, { param: 'tools.0.name' }],
    ['a choice without tools', { tool_choice: 'required' }, { param: 'tool_choice' }],
    ['an unknown item', { input: [{ type: 'computer_call' }] }, { param: 'input.0.type' }],
    [
      'an unknown reference',
      { input: [{ id: 'msg_x' }] },
      { param: 'input.0.id', code: 'item_not_found' },
    ],
    [
      'the output of a call that nobody made',
      { input: [{ type: 'function_call_output', call_id: 'call_x', output: '' }] },
      { param: 'input.0.call_id' },
    ],
    [
      'a remote image',
      { input: user([{ type: 'input_image', image_url: 'https://a.b/c.png' }]) },
      { param: 'input.0.content.0.image_url', code: 'remote_url_not_supported' },
    ],
    [
      'a remote file',
      { input: user([{ type: 'input_file', file_url: 'https://a.b/c.pdf' }]) },
      { param: 'input.0.content.0.file_url', code: 'remote_url_not_supported' },
    ],
    [
      'a file that only its id names',
      {
        input: user([
          { type: 'input_text', text: '' },
          { type: 'input_file', file_id: 'file-1' },
        ]),
      },
      { param: 'input.0.content.1.file_id' },
    ],
    ['stream options without a stream', { stream_options: {} }, { param: 'stream_options' }],
    ['many answers', { n: 2 }, { param: 'n' }],
    [
      'too many pairs of metadata',
      { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v'])) },
      { param: 'metadata' },
    ],
    [
      'a format that does not exist',
      { text: { format: { type: 'xml' } } },
      { param: 'text.format.type' },
    ],
    ['no output at all', { max_output_tokens: 0 }, { param: 'max_output_tokens' }],
  ]
  it.each(cases)('is refused with 400: %s', (_, fields, expected) => {
    expect(refusal(fields)).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      ...expected,
    })
  })

  it('names the tool that it refuses', () => {
    expect(refusal({ tools: [{ type: 'web_search' }] }).message).toContain("'web_search'")
  })

  it('blames the earlier response for what is wrong in it', () => {
    const history: SpokenItem[] = [{ type: 'function_call_output', call_id: 'call_x', output: '' }]
    expect(refusal({}, { history }).param).toBe('previous_response_id.call_id')
  })
})
