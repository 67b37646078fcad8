import { describe, expect, it } from 'vitest'
import { schemaProblems } from '../../test/openai-schema.ts'
import { isResponseId, responseId, responseOfItem, responseTime } from './response-ids.ts'
import type { SpokenItem } from './responses-request-schema.ts'
import { pageOf, parseStoredItems, storedItems } from './stored-items.ts'

const RESPONSE = 'resp_0199aaaabbbb0123456789abcdef0123'

const conversation: SpokenItem[] = [
  { type: 'message', role: 'user', content: 'Hi' },
  {
    type: 'message',
    role: 'user',
    id: null,
    content: [
      { type: 'input_text', text: 'See' },
      { type: 'input_image', image_url: 'data:image/png;base64,AA==', detail: null },
      { type: 'input_file', file_data: 'AA==', filename: null, file_id: null },
    ],
  },
  {
    type: 'reasoning',
    id: 'rs_1',
    content: [{ type: 'reasoning_text', text: 'Hm.' }],
  } as SpokenItem,
  { type: 'message', role: 'assistant', id: 'msg_1', content: 'Hello' },
  {
    type: 'message',
    role: 'assistant',
    id: 'msg_1',
    content: [{ type: 'refusal', refusal: 'No.' }],
  },
  { type: 'function_call', call_id: 'call_1', name: 'f', arguments: '{}' },
  { type: 'function_call_output', call_id: 'call_1', output: 'Sun.' },
  {
    type: 'function_call_output',
    call_id: 'call_1',
    output: [{ type: 'input_text', text: 'Rain.' }],
  },
]

describe('a conversation in storage', () => {
  const items = storedItems(RESPONSE, conversation)

  it('is a list that OpenAI’s schema allows', () => {
    const page = pageOf(items, { limit: 100, order: 'asc' })
    expect(schemaProblems('ResponseItemList', { object: 'list', ...page })).toEqual([])
  })

  it('gives every item one id, its own if it has one, that leads to the response otherwise', () => {
    const ids = items.map(({ id }) => id)
    expect(new Set(ids).size).toBe(items.length)
    expect(ids[2]).toBe('rs_1')
    expect(responseOfItem(ids[0]!)).toBe(RESPONSE)
    expect(responseOfItem('rs_1')).toBeUndefined()
  })

  it('comes back as it was', () => {
    expect(parseStoredItems(JSON.parse(JSON.stringify(items)) as unknown[])).toEqual(items)
  })
})

describe('a page of items', () => {
  const items = ['a', 'b', 'c'].map((id) => ({ id }))
  const page = (query: Partial<Parameters<typeof pageOf>[1]>) =>
    pageOf(items, { limit: 2, order: 'desc', ...query })

  it('begins with the newest, and goes on behind the last of the page before', () => {
    expect(page({})).toEqual({
      data: [{ id: 'c' }, { id: 'b' }],
      first_id: 'c',
      last_id: 'b',
      has_more: true,
    })
    expect(page({ after: 'b' })).toMatchObject({ data: [{ id: 'a' }], has_more: false })
    expect(page({ order: 'asc' })).toMatchObject({ first_id: 'a', has_more: true })
    expect(page({ limit: 3 })).toMatchObject({ has_more: false })
    expect(page({ after: 'a' })).toMatchObject({ data: [], has_more: false })
  })

  it('does not exist behind an item that does not', () => {
    expect(page({ after: 'x' })).toBeUndefined()
  })
})

describe('the id of a response', () => {
  it('has the digits of its job, which begin with the time', () => {
    const id = responseId('job_0199aaaabbbb0123456789abcdef0123')
    expect(id).toBe(RESPONSE)
    expect(isResponseId(id)).toBe(true)
    expect(isResponseId('resp_1')).toBe(false)
    expect(responseTime(id)).toBe(0x0199aaaabbbb)
  })
})
