import type { MessageCreateParams } from '@anthropic-ai/sdk/resources/messages'
import { describe, expect, it } from 'vitest'
import { ApiError } from '../api-error.ts'
import { parseMessagesRequest } from './messages-request.ts'

const parse = (fields: object) =>
  parseMessagesRequest(
    new TextEncoder().encode(
      JSON.stringify({
        model: 'tiny',
        max_tokens: 100,
        messages: [{ role: 'user', content: 'Hi' }],
        ...fields,
      }),
    ),
  )

/** The chat body of a request that the SDK's types allow. */
const chat = (fields: Partial<MessageCreateParams>) => parse(fields).body

function refusal(fields: object): Pick<ApiError, 'status' | 'param' | 'code'> {
  try {
    parse(fields)
  } catch (error) {
    if (error instanceof ApiError) {
      const { status, param, code } = error
      return { status, param, code }
    }
    throw error
  }
  throw new Error('the request was accepted')
}

const PIXEL = { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } as const

describe('a Messages request as a chat completion', () => {
  it('asks for the same model, limit and text', () => {
    const request = parse({ system: 'Be brief.' })
    expect(request.body).toEqual({
      model: 'tiny',
      max_completion_tokens: 100,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi' },
      ],
    })
    expect(request).toMatchObject({ stream: false, maxOutputTokens: 100, needs: [] })
  })

  it('always asks for the usage of a stream', () => {
    expect(parse({ stream: true })).toMatchObject({ stream: true, includeUsage: true })
  })

  it('carries sampling, stops, the end user and the market fields', () => {
    const provider = { sort: 'price', max_price: { prompt: 3 } }
    const body = parse({
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      stop_sequences: ['END'],
      metadata: { user_id: 'u-1' },
      models: ['other'],
      provider,
    }).body
    expect(body).toMatchObject({
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      stop: ['END'],
      user: 'u-1',
      models: ['other'],
      provider,
    })
  })

  it('ignores what is about caches and tiers', () => {
    const cached = { type: 'text', text: 'Long.', cache_control: { type: 'ephemeral' } } as const
    expect(chat({ system: [cached], service_tier: 'auto' }).messages[0]).toEqual({
      role: 'system',
      content: 'Long.',
    })
  })

  it('joins the turns of one role, as Anthropic does', () => {
    const { messages } = chat({
      messages: [
        { role: 'user', content: 'One' },
        { role: 'user', content: [{ type: 'text', text: 'Two' }] },
        { role: 'assistant', content: 'A' },
        { role: 'assistant', content: 'B' },
      ],
    })
    expect(messages).toEqual([
      { role: 'user', content: 'One\nTwo' },
      { role: 'assistant', content: 'AB' },
    ])
  })

  it('keeps instructions in the middle of a conversation where they are', () => {
    const { messages } = chat({
      messages: [
        { role: 'user', content: 'One' },
        { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
        { role: 'user', content: 'Two' },
      ],
    })
    expect(messages.map(({ role }) => role)).toEqual(['user', 'system', 'user'])
  })

  it('leaves thinking out, and turns that were nothing else', () => {
    const thinking = { type: 'thinking', thinking: 'Hm.', signature: 's' } as const
    const { messages } = chat({
      messages: [
        { role: 'user', content: 'One' },
        { role: 'assistant', content: [thinking, { type: 'redacted_thinking', data: 'x' }] },
        { role: 'user', content: 'Two' },
        { role: 'assistant', content: [thinking, { type: 'text', text: 'A' }] },
      ],
    })
    expect(messages.map(({ content }) => content)).toEqual(['One', 'Two', 'A'])
  })

  it('shows images as data URLs, and needs vision for them', () => {
    const request = parse({
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image', source: PIXEL },
            { type: 'text', text: 'What is it?' },
          ],
        },
      ],
    })
    expect(request.needs).toEqual(['vision'])
    expect(request.body.messages[0]?.content).toEqual([
      { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
      { type: 'text', text: 'What is it?' },
    ])
  })

  it('reads text documents and search results as text, and hands PDFs over as files', () => {
    const pdf = { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' } as const
    const request = parse({
      messages: [
        {
          role: 'user',
          content: [
            {
              type: 'document',
              title: 'Rules',
              source: { type: 'text', media_type: 'text/plain', data: 'No.' },
            },
            {
              type: 'search_result',
              title: 'T',
              source: 'S',
              content: [{ type: 'text', text: 'X' }],
            },
            { type: 'document', title: 'a.pdf', source: pdf },
          ],
        },
      ],
    })
    expect(request.needs).toEqual(['files'])
    expect(request.body.messages[0]?.content).toEqual([
      { type: 'text', text: 'Rules' },
      { type: 'text', text: 'No.' },
      { type: 'text', text: 'T\nS\nX' },
      { type: 'text', text: 'a.pdf' },
      {
        type: 'file',
        file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' },
      },
    ])
  })

  it('carries a round of tool calls, results before words, pictures after results', () => {
    const { messages } = chat({
      messages: [
        { role: 'user', content: 'Weather?' },
        {
          role: 'assistant',
          content: [
            { type: 'text', text: 'Let me look.' },
            { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Paris' } },
            { type: 'tool_use', id: 'toolu_2', name: 'photo', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            {
              type: 'tool_result',
              tool_use_id: 'toolu_1',
              content: 'no such city',
              is_error: true,
            },
            {
              type: 'tool_result',
              tool_use_id: 'toolu_2',
              content: [{ type: 'image', source: PIXEL }],
            },
            { type: 'text', text: 'Go on.' },
          ],
        },
      ],
    })
    expect(messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: 'Let me look.',
        tool_calls: [
          {
            id: 'toolu_1',
            type: 'function',
            function: { name: 'weather', arguments: '{"city":"Paris"}' },
          },
          { id: 'toolu_2', type: 'function', function: { name: 'photo', arguments: '{}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'toolu_1', content: 'Error: no such city' },
      { role: 'tool', tool_call_id: 'toolu_2', content: 'The result is in the next message.' },
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
          { type: 'text', text: 'Go on.' },
        ],
      },
    ])
  })

  it('offers tools as functions, their schemas untouched', () => {
    const input_schema = {
      type: 'object' as const,
      properties: { unit: { enum: ['C', null], default: null } },
    }
    const request = parse({
      tools: [{ name: 'weather', description: 'Of a city', input_schema, strict: true }],
    })
    expect(request.needs).toEqual(['tools'])
    expect(request.body.tools).toEqual([
      {
        type: 'function',
        function: {
          name: 'weather',
          description: 'Of a city',
          strict: true,
          parameters: input_schema,
        },
      },
    ])
  })

  it.each([
    [{ type: 'auto' }, { tool_choice: 'auto' }],
    [{ type: 'any' }, { tool_choice: 'required' }],
    [{ type: 'none' }, { tool_choice: 'none' }],
    [
      { type: 'tool', name: 'weather', disable_parallel_tool_use: true },
      {
        tool_choice: { type: 'function', function: { name: 'weather' } },
        parallel_tool_calls: false,
      },
    ],
  ])('translates the tool choice %j', (tool_choice, expected) => {
    const tools = [{ name: 'weather', input_schema: { type: 'object' } }]
    expect(parse({ tools, tool_choice }).body).toMatchObject(expected)
  })

  it('asks for JSON of a schema under either name of the field', () => {
    const schema = { type: 'object', properties: {}, additionalProperties: false }
    const format = { type: 'json_schema', schema } as const
    const request = parse({ output_config: { format } })
    expect(request.needs).toEqual(['json_schema'])
    expect(request.body.response_format).toEqual({
      type: 'json_schema',
      json_schema: { name: 'output', strict: true, schema },
    })
    expect(parse({ output_format: format }).body).toEqual(request.body)
  })

  it('switches thinking and passes the effort on', () => {
    expect(
      chat({ thinking: { type: 'adaptive' }, output_config: { effort: 'max' } }),
    ).toMatchObject({ chat_template_kwargs: { enable_thinking: true }, reasoning_effort: 'high' })
    expect(chat({ thinking: { type: 'disabled' } })).toMatchObject({
      chat_template_kwargs: { enable_thinking: false },
    })
    expect(chat({})).not.toHaveProperty('chat_template_kwargs')
  })
})

describe('a Messages request is refused', () => {
  it.each([
    ['without a limit', { max_tokens: undefined }, 'max_tokens', 'missing_required_parameter'],
    ['without messages', { messages: [] }, 'messages', 'array_below_min_length'],
    [
      'with a role of its own',
      { messages: [{ role: 'tool', content: '' }] },
      'messages.0.role',
      'invalid_value',
    ],
    [
      'with blocks that only Anthropic can read',
      { messages: [{ role: 'user', content: [{ type: 'container_upload', file_id: 'f' }] }] },
      'messages.0.content.0.type',
      'invalid_value',
    ],
    [
      "with Anthropic's own tools",
      { tools: [{ type: 'web_search_20250305', name: 'web_search' }] },
      'tools.0.type',
      'unsupported_parameter',
    ],
    [
      'with a tool without a schema',
      { tools: [{ name: 'weather' }] },
      'tools.0.input_schema',
      'missing_required_parameter',
    ],
    ['with MCP servers', { mcp_servers: [{}] }, 'mcp_servers', 'unsupported_parameter'],
    ['when forced to call without tools', { tool_choice: { type: 'any' } }, 'tool_choice', null],
    [
      'with a picture to be fetched',
      {
        messages: [
          {
            role: 'user',
            content: [{ type: 'image', source: { type: 'url', url: 'http://10.0.0.1/' } }],
          },
        ],
      },
      'messages',
      'remote_url_not_supported',
    ],
  ])('%s', (_, fields, param, code) => {
    expect(refusal(fields)).toEqual({ status: 400, param, code })
  })
})
