import { randomBytes } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import OpenAI, { APIError } from 'openai'
import { PROVIDER_PATH, WS_SUBPROTOCOL } from '@infernet/schemas/wire'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { Service } from './processes.ts'
import { SlowEngine } from './slow-engine.ts'
import { bearer, HOSTS, Stack, until, type Client } from './stack.ts'

const messages = [{ role: 'user' as const, content: 'hello' }]

/** Processes killed and strangers talking nonsense, on every host. */
describe.each(HOSTS)('failures on the %s host', (kind) => {
  let stack: Stack
  let engines: SlowEngine[] = []
  let agents: Service[] = []
  let client: Client
  let openai: OpenAI

  beforeAll(async () => {
    stack = await Stack.start(kind, kind === 'node' ? 18_120 : 18_130, {
      firstByteMs: 2_000,
      wholeAnswerMs: 4_000,
      acceptMs: 1_000,
    })
    client = await stack.createClient()
    openai = new OpenAI({ baseURL: `${stack.url}/v1`, apiKey: client.apiKey, maxRetries: 0 })
    engines = [await SlowEngine.start(), await SlowEngine.start()]
    agents = [await startAgent(0, 1), await startAgent(1, 2)]
  })
  afterAll(async () => {
    await stack?.stop()
    await Promise.all(engines.map((engine) => engine.stop()))
  })

  const startAgent = (index: number, providers: number): Promise<Service> =>
    stack.startAgent(
      `agent-${index}`,
      'slow',
      ['--engine', 'openai-http', '--engine-url', engines[index]!.url],
      providers,
    )

  /** Which of the two engines has just been asked. */
  async function askedEngine(before: readonly number[]): Promise<number> {
    let asked = -1
    await until('an engine is asked', () => {
      asked = engines.findIndex((engine, index) => engine.requests > (before[index] ?? 0))
      return asked !== -1
    })
    return asked
  }
  const requestCounts = (): number[] => engines.map((engine) => engine.requests)

  it('answers through the other agent when one is killed before its first token', async () => {
    for (const engine of engines) engine.pace = { tokens: 5, gapMs: 5, hang: true }
    const before = requestCounts()
    const asked = openai.chat.completions.create({ model: 'slow', messages })
    const victim = await askedEngine(before)
    engines[1 - victim]!.pace = { tokens: 5, gapMs: 5 }
    await agents[victim]!.stop('SIGKILL')
    expect((await asked).choices[0]?.message.content).toBe('t1 t2 t3 t4 t5 ')
    agents[victim] = await startAgent(victim, 2)
  })

  it('ends a stream with an error in band when its agent is killed in the middle', async () => {
    for (const engine of engines) engine.pace = { tokens: 1_000, gapMs: 10 }
    const payer = await stack.createClient('100000000')
    const before = requestCounts()
    const sdk = new OpenAI({ baseURL: `${stack.url}/v1`, apiKey: payer.apiKey, maxRetries: 0 })
    const stream = await sdk.chat.completions.create({ model: 'slow', messages, stream: true })
    const victim = await askedEngine(before)
    let seen = 0
    const reading = (async () => {
      for await (const chunk of stream) {
        if (chunk.choices[0]?.delta.content) seen++
        if (seen === 5) void agents[victim]!.stop('SIGKILL')
      }
    })()
    await expect(reading).rejects.toSatisfy(
      (error) => error instanceof APIError && error.code === 'provider_failed',
    )
    expect(seen).toBeGreaterThanOrEqual(5)
    const balance = await stack.settledBalance(payer.accountId)
    const spent = 100_000_000 - balance.available
    expect(spent).toBeGreaterThan(0)
    expect(spent).toBeLessThan(1_000)
    agents[victim] = await startAgent(victim, 2)
  })

  it('answers 504 when providers stay silent, and charges nothing', async () => {
    for (const engine of engines) engine.pace = { tokens: 1, gapMs: 5, hang: true }
    const payer = await stack.createClient('100000000')
    const sdk = new OpenAI({ baseURL: `${stack.url}/v1`, apiKey: payer.apiKey, maxRetries: 0 })
    await expect(sdk.chat.completions.create({ model: 'slow', messages })).rejects.toSatisfy(
      (error) => error instanceof APIError && error.status === 504,
    )
    expect((await stack.settledBalance(payer.accountId)).available).toBe(100_000_000)
  })

  it('has its agents back after the edge was killed, with every balance and hold right', async () => {
    for (const engine of engines) engine.pace = { tokens: 1_000, gapMs: 10 }
    const payer = await stack.createClient('100000000')
    const sdk = new OpenAI({ baseURL: `${stack.url}/v1`, apiKey: payer.apiKey, maxRetries: 0 })
    const stream = await sdk.chat.completions.create({ model: 'slow', messages, stream: true })
    const reading = (async () => {
      for await (const chunk of stream) if (chunk.choices[0]?.delta.content) return
    })()
    await reading
    const again = await sdk.chat.completions.create({ model: 'slow', messages, stream: true })
    await stack.killEdge()
    await expect(
      (async () => {
        for await (const _ of again);
      })(),
    ).rejects.toThrow()
    await until('the engines notice', () => engines.every((engine) => engine.running === 0))
    await stack.startEdge()
    await stack.untilServed('slow', 2)
    for (const engine of engines) engine.pace = { tokens: 5, gapMs: 5 }
    expect(
      (await openai.chat.completions.create({ model: 'slow', messages })).choices[0]?.finish_reason,
    ).toBe('stop')
    if (kind === 'workerd') return // Its hold is released by expiry, minutes later; the ledger's tests cover that.
    expect((await stack.settledBalance(payer.accountId)).reserved).toBe(0)
  })

  it.each([
    ['not JSON', '{"model": "slow", ', 400, 'invalid_json'],
    ['no messages', '{"model":"slow"}', 400, null],
    ['a wrong type', '{"model":"slow","messages":"hello"}', 400, null],
    [
      'an unknown model',
      '{"model":"nope","messages":[{"role":"user","content":"x"}]}',
      404,
      'model_not_found',
    ],
    ['nothing', '', 400, 'invalid_json'],
  ])('refuses a body that is %s', async (_name, body, status, code) => {
    const answer = await post(body, bearer(client.apiKey))
    expect(answer.status).toBe(status)
    const { error } = (await answer.json()) as { error: Record<string, unknown> }
    expect(Object.keys(error).toSorted()).toEqual(['code', 'message', 'param', 'type'])
    if (code !== null) expect(error['code']).toBe(code)
    expect(answer.headers.get('x-request-id')).toMatch(/^req_/)
  })

  const post = (body: string, headers: Record<string, string>): Promise<Response> =>
    fetch(`${stack.url}/v1/chat/completions`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...headers },
    })

  it('refuses a body that is too large, declared or not', async () => {
    const large = 'x'.repeat(9 * 1024 * 1024)
    expect((await post(large, bearer(client.apiKey))).status).toBe(413)
    const status = await new Promise((resolve, reject) => {
      const request = httpRequest(
        `${stack.url}/v1/chat/completions`,
        {
          method: 'POST',
          headers: { ...bearer(client.apiKey), 'transfer-encoding': 'chunked' },
        },
        (response) => resolve(response.resume().statusCode),
      )
      request.on('error', reject)
      for (let i = 0; i < 9; i++) request.write('x'.repeat(1024 * 1024))
      request.end()
    })
    expect(status).toBe(413)
  })

  it('survives nonsense on the HTTP port', async () => {
    await new Promise<void>((resolve) => {
      const socket = connect(stack.port, '127.0.0.1', () => socket.end(randomBytes(2_000)))
      socket
        .on('close', () => resolve())
        .on('error', () => resolve())
        .resume()
    })
    expect((await fetch(`${stack.url}/healthz`)).status).toBe(200)
  })

  it.each([
    ['random bytes', () => randomBytes(500), 4400],
    ['an empty message', () => Buffer.alloc(0), 4400],
    ['a truncated frame', () => Buffer.from([2, 0, 4, 0, 0, 0, 0, 0, 1]), 4400],
    [
      'a huge control frame',
      () => Buffer.concat([Buffer.from([2, 0x02, 0, 0, 0, 0, 0, 0]), Buffer.alloc(0x20000)]),
      4400,
    ],
    ['a frame before its login', () => Buffer.from([10, 0, 0, 1, 0, 0, 0, 1, 65]), 4400],
    ['text', () => 'hello', 4400],
  ])('closes a provider that sends %s', async (_name, message, code) => {
    const socket = new WebSocket(
      `${stack.url.replace('http', 'ws')}${PROVIDER_PATH}`,
      WS_SUBPROTOCOL,
    )
    const closed = new Promise((resolve) => socket.on('close', resolve))
    socket.on('error', () => {})
    socket.on('open', () => socket.send(message()))
    expect(await closed).toBe(code)
    expect((await fetch(`${stack.url}/readyz`)).status).toBe(200)
  })

  it('tells a client without the subprotocol to update', async () => {
    const socket = new WebSocket(`${stack.url.replace('http', 'ws')}${PROVIDER_PATH}`)
    const status = await new Promise((resolve) => {
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode))
      socket.on('error', () => {})
    })
    expect(status).toBe(426)
  })
})
