import { once } from 'node:events'
import { get, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { monotonicMicros } from './clock.ts'
import { LOOPBACK, listeningUrl } from './loopback.ts'
import { createMockEngine, type EngineStats } from './mock-engine.ts'

const engine = createMockEngine()
let url = ''
beforeAll(async () => {
  engine.listen(0, LOOPBACK)
  await once(engine, 'listening')
  url = listeningUrl(engine)
})
afterAll(() => {
  engine.close()
  engine.closeAllConnections()
})

const ask = (content: unknown, extra: object = {}) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content }], ...extra }),
  })

async function events(response: Response): Promise<string[]> {
  const text = await response.text()
  expect(text.endsWith('\n\n')).toBe(true)
  return text
    .trimEnd()
    .split('\n\n')
    .map((event) => event.replace(/^data: /, ''))
}

describe('the mock engine', () => {
  it('answers JSON of a realistic size', async () => {
    const response = await ask('hello')
    const text = await response.text()
    expect(text.length).toBeGreaterThan(600)
    expect(text.length).toBeLessThan(800)
    expect(JSON.parse(text)).toMatchObject({
      object: 'chat.completion',
      model: 'm',
      choices: [{ index: 0, message: { role: 'assistant' }, finish_reason: 'stop' }],
      usage: { completion_tokens: 64 },
    })
  })

  it('streams role, content, finish, usage and [DONE]', async () => {
    const extra = { stream: true, stream_options: { include_usage: true } }
    const response = await ask('x bench:chunks=3,gap=1', extra)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const all = await events(response)
    expect(all.pop()).toBe('[DONE]')
    const chunks = all.map((event) => JSON.parse(event))
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
    expect(chunks.every(({ object }) => object === 'chat.completion.chunk')).toBe(true)
    const [role, ...rest] = chunks
    expect(role.choices[0].delta).toEqual({ role: 'assistant', content: '' })
    expect(rest.pop()).toMatchObject({ choices: [], usage: { completion_tokens: 3 } })
    expect(rest.pop().choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' })
    expect(rest.map(({ choices }) => choices[0].delta.content)).toEqual(
      Array.from({ length: 3 }, () => expect.stringMatching(/^@@\d{16}$/)),
    )
  })

  it('sends usage only when asked, and reads pacing from content parts', async () => {
    const parts = [{ type: 'text', text: 'bench:chunks=2,gap=0' }]
    const all = await events(await ask(parts, { stream: true }))
    expect(all).toHaveLength(5)
    expect(all.some((event) => event.includes('"usage"'))).toBe(false)
  })

  it.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['no model', '{"messages":[]}'],
    ['no messages', '{"model":"m","messages":[]}'],
    ['a message without content', '{"model":"m","messages":[{}]}'],
  ])('refuses %s', async (_, body) => {
    const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body })
    expect(response.status).toBe(400)
  })

  it('refuses a body over its limit and unknown routes', async () => {
    const large = await ask('x'.repeat(1024 * 1024))
    expect(large.status).toBe(413)
    expect((await fetch(`${url}/v1/none`)).status).toBe(404)
  })

  it('notices a client that hangs up', async () => {
    const before = await stats()
    const body = JSON.stringify({
      model: 'm',
      stream: true,
      messages: [{ role: 'user', content: 'bench:chunks=10000,gap=5' }],
    })
    const client = request(`${url}/v1/chat/completions`, { method: 'POST' })
    client.end(body)
    const [response] = await once(client, 'response')
    response.on('error', () => undefined)
    await once(response, 'data')
    client.destroy()
    await expect.poll(async () => (await stats()).aborted).toBe(before.aborted + 1)
    const after = await stats()
    expect(after.completed).toBe(before.completed)
    expect(after.chunksSentOfLast).toBeLessThan(10_000)
    expect(after.lastAbortAtUs).toBeGreaterThan(0)
    expect(after.lastAbortAtUs).toBeLessThanOrEqual(monotonicMicros())
  })
})

async function stats(): Promise<EngineStats> {
  const [response] = await once(get(`${url}/stats`), 'response')
  let text = ''
  for await (const part of response) text += part
  return JSON.parse(text)
}
