import { describe, expect, it } from 'vitest'
import { ApiError } from './api-error.ts'
import { checkChatRequest } from './chat-request.ts'
import type { ChatMessage, ChatRequestBody } from './chat-request-schema.ts'
import { engineMessages, refuseRemoteMedia } from './engine-messages.ts'
import { engineRequest } from './engine-request.ts'

const user = { role: 'user', content: 'Hello!' }
const body = (extra: object): ChatRequestBody =>
  checkChatRequest({ model: 'public/tiny', messages: [user], ...extra }).body

const withPart = (part: object): ChatRequestBody =>
  body({ messages: [user, { role: 'user', content: [{ type: 'text', text: 'see' }, part] }] })
const image = (url: string) => ({ type: 'image_url', image_url: { url } })
const file = (data: string): object => ({ type: 'file', file: { file_data: data } })
const audio = (data: string): object => ({
  type: 'input_audio',
  input_audio: { data, format: 'mp3' },
})

describe('refuseRemoteMedia', () => {
  it.each([
    ['image_url.url', image('http://169.254.169.254/latest/meta-data')],
    ['image_url.url', image('HTTPS://example.com/a.png')],
    ['image_url.url', image('file:///etc/passwd')],
    ['image_url.url', image(' data:image/png;base64,AA==')],
    ['image_url.url', image('//example.com/a.png')],
    ['file.file_data', file('https://example.com/a.pdf')],
    ['input_audio.data', audio('http://example.com/a.mp3')],
  ])('refuses %s %o', (field, part) => {
    const { messages } = withPart(part)
    let caught: unknown
    try {
      refuseRemoteMedia(messages)
    } catch (error) {
      caught = error
    }
    expect(caught).toBeInstanceOf(ApiError)
    expect(caught).toMatchObject({
      status: 400,
      code: 'remote_url_not_supported',
      param: `messages.1.content.1.${field}`,
    })
    const options = { kind: 'vllm', model: 'x', stream: true, maxOutputTokens: 1 } as const
    expect(() => engineRequest(withPart(part), options)).toThrow(ApiError)
  })

  it.each([
    image('data:image/png;base64,iVBORw0KGgo='),
    image('DATA:image/png;base64,iVBORw0KGgo='),
    file('JVBERi0xLjQK'),
    file('data:application/pdf;base64,JVBERi0='),
    audio('SUQzBAA='),
  ])('passes %o', (part) => {
    expect(() => refuseRemoteMedia(withPart(part).messages)).not.toThrow()
  })
})

/** As an edge that checks nothing would pass it on. */
const unchecked = (part: unknown): ChatMessage[] =>
  [{ role: 'user', content: [part] }] as unknown as ChatMessage[]

describe('engineMessages', () => {
  const address = 'http://169.254.169.254/'

  it('keep of a part only what its type has', () => {
    const text = { type: 'text', text: 'hi', uuid: 'x', video_url: address, image_url: address }
    const seen = { ...image('data:image/png;base64,AA=='), uuid: 'x', audio_url: { url: address } }
    const { messages } = body({ messages: [{ role: 'user', content: [text, seen] }] })
    expect(engineMessages(messages)).toEqual([
      {
        role: 'user',
        content: [{ type: 'text', text: 'hi' }, image('data:image/png;base64,AA==')],
      },
    ])
  })

  it('keep of a message nothing strange that names a place', () => {
    const strange = { images: [address], refusal: null, weight: 1 }
    const { messages } = body({ messages: [{ role: 'assistant', content: 'a', ...strange }] })
    expect(engineMessages(messages)).toEqual([
      { role: 'assistant', content: 'a', refusal: null, weight: 1 },
    ])
  })

  it.each([
    { type: 'video_url', video_url: { url: address } },
    { type: 'audio_url', audio_url: { url: address } },
    { type: 'input_image', image_url: address },
    { type: 'image_url', image_url: address },
    { type: 'image_url', image_url: { url: { url: address } } },
    { type: 'image_embeds', image_embeds: 'gAR9lC4=' },
    { type: '__proto__' },
    { image_url: address },
    file(`${' '.repeat(64)}${address}`),
    address,
    null,
  ])('refuse %o, which an honest edge never passes on', (part) => {
    expect(() => engineMessages(unchecked(part))).toThrow(ApiError)
  })

  it('are the very same where they are text', () => {
    const messages = body({}).messages
    expect(engineMessages(messages)[0]).toBe(messages[0])
  })
})
