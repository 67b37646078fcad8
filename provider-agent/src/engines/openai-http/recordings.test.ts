import { readdirSync, readFileSync } from 'node:fs'
import { StreamMeter } from '@infernet/openai-compat/stream-meter'
import type { Endpoint } from '@infernet/schemas/wire'
import { describe, expect, it } from 'vitest'
import { contentOf, eventsOf, requestOf, vectorsOf } from '../engine-conformance.ts'
import { errorOfResponse } from './engine-error.ts'
import { engineJob } from './engine-job.ts'
import { SseRelay } from './sse-relay.ts'

const FOLDER = new URL('../../testing/recordings/', import.meta.url)
const ENGINES = ['vllm', 'llama-server', 'ollama'] as const
/** What never got its end. */
const UNFINISHED = 'repeats.sse'
const read = (name: string) => readFileSync(new URL(name, FOLDER))
const streams = ENGINES.flatMap((engine) =>
  readdirSync(new URL(engine, FOLDER))
    .filter((name) => name.endsWith('.sse') && name !== UNFINISHED)
    .map((name) => `${engine}/${name}`),
)
const choicesOf = (name: string) => (name.includes('choices') ? 2 : 1)
const endpointOf = (name: string) =>
  name.includes('completion') ? ('completions' as const) : ('chat.completions' as const)

const ANSWER =
  'Infernet is an OpenAI-compatible inference API that runs on the GPUs of strangers, ' +
  'checks their answers by sampling, and pays them in millisatoshi over Lightning.'

/** An agent's relay and an edge's meter in a row, as the bytes go. */
class Path {
  readonly relay: SseRelay
  readonly meter: StreamMeter
  readonly #said: Uint8Array[] = []

  constructor(name: string, skip = '') {
    const choices = choicesOf(name)
    this.relay = new SseRelay({ showUsage: false, choices, skip })
    this.meter = new StreamMeter({ endpoint: endpointOf(name), choices })
  }

  push(bytes: Buffer): this {
    for (const part of this.relay.push(bytes)) this.#said.push(this.meter.push(part))
    return this
  }

  end(): string {
    for (const part of this.relay.flush()) this.#said.push(this.meter.push(part))
    return Buffer.concat(this.#said).toString()
  }
}

const replay = (name: string, skip?: string) => {
  const path = new Path(name, skip).push(read(name))
  return { path, text: path.end() }
}

describe('streams that real engines wrote', () => {
  it.each(streams)('%s comes out complete, counted and well formed', (name) => {
    const { path, text } = replay(name)
    expect(path.relay.isComplete).toBe(true)
    expect(path.meter).toMatchObject({ complete: true, fault: undefined, error: undefined })
    expect(path.relay.usage?.completion_tokens).toBeGreaterThan(0)
    const events = eventsOf(text)
    expect(new Set(events.map(({ id }) => id)).size).toBe(1)
    expect(text).not.toContain('[DONE]')
    expect(text).not.toMatch(/"usage":\s?\{/)
    const reasons = events.flatMap(({ choices }) =>
      (choices as { finish_reason: unknown }[]).map(({ finish_reason: reason }) => reason),
    )
    expect(reasons.filter((reason) => reason !== null)).toHaveLength(choicesOf(name))
  })

  it.each(streams)('%s comes out the same wherever it is cut in two', (name) => {
    const whole = replay(name).text
    const bytes = read(name)
    for (let at = 1; at < bytes.length; at++) {
      const text = new Path(name).push(bytes.subarray(0, at)).push(bytes.subarray(at)).end()
      if (text !== whole) expect(`cut at ${at}: ${text}`).toBe(whole)
    }
  })

  it.each(streams)('%s comes out the same byte by byte', (name) => {
    const path = new Path(name)
    const bytes = read(name)
    for (let at = 0; at < bytes.length; at++) path.push(bytes.subarray(at, at + 1))
    expect(path.end()).toBe(replay(name).text)
  })

  it.each(streams)(
    '%s has no more text than the relay sees, and no less where it looks into all',
    (name) => {
      const { relay, meter } = replay(name).path
      const seeing = new SseRelay({ showUsage: false, choices: choicesOf(name), take: (it) => it })
      seeing.push(read(name))
      expect(meter.contentBytes).toBeGreaterThan(0)
      expect(relay.textBytes).toBeGreaterThanOrEqual(meter.contentBytes)
      if (name.includes('tools')) expect(seeing.textBytes).toBeGreaterThan(meter.contentBytes)
      else expect(seeing.textBytes).toBe(meter.contentBytes)
    },
  )

  it.each(streams)('%s is not taken for whole when it ends before its finish reason', (name) => {
    const bytes = read(name)
    const last = bytes.lastIndexOf('"finish_reason":"')
    for (let at = 0; at < last; at += 7) {
      const path = new Path(name).push(bytes.subarray(0, at))
      path.end()
      expect(path.relay.isComplete || path.meter.complete).toBe(false)
    }
  })

  it.each(ENGINES)('say what the model said: %s', (engine) => {
    expect(contentOf(replay(`${engine}/chat.sse`).text)).toBe(ANSWER)
    const rest = contentOf(replay(`${engine}/chat-continued.sse`).text)
    expect(`Infernet is an Open${rest}`).toBe(ANSWER)
  })

  it('lose the beginning that llama-server says again unless it is told not to', () => {
    const begun = 'Infernet is an Open'
    const { text } = replay('llama-server/chat-continued-unasked.sse', begun)
    expect(contentOf(text)).not.toBe('')
    expect(ANSWER.startsWith(begun + contentOf(text))).toBe(true)
    // vLLM begins a new turn instead, which is no continuation.
    expect(() => replay('vllm/chat-continued-unasked.sse', begun)).toThrow('does not begin with')
  })

  it('are not whole where Ollama gives up on a model that repeats itself', () => {
    const { relay, meter } = replay(`ollama/${UNFINISHED}`).path
    expect([relay.isComplete, relay.isDone, meter.complete]).toEqual([false, false, false])
  })

  it('count nothing in all parts of Ollama’s completions but the last', () => {
    const bytes = read('ollama/completion.sse')
    const { relay } = new Path('ollama/completion.sse').push(bytes.subarray(0, bytes.length / 2))
    expect(relay.usage).toEqual({ prompt_tokens: 0, completion_tokens: 0 })
    expect(relay.contentEvents).toBeGreaterThan(1)
  })

  it.each(['llama-server', 'ollama'])('name the tool they call: %s', (engine) => {
    const { text } = replay(`${engine}/chat-tools.sse`)
    expect(text).toContain('"name":"get_weather"')
  })
})

describe('documents that real engines wrote', () => {
  const alias = { id: 'public', engineName: 'infernet-demo' }
  const job = (endpoint: Endpoint, body: object) =>
    engineJob(requestOf('public', { ...body }, { endpoint, stream: false }), {
      alias,
      kind: 'llama-server',
    })
  const messages = [{ role: 'user', content: 'What is Infernet?' }]

  it.each(ENGINES)('are answers under the public name: %s', (engine) => {
    const chat = job('chat.completions', { messages }).read(read(`${engine}/chat.json`))
    expect(chat).toMatchObject({
      finishReason: 'stop',
      usage: { prompt_tokens: 12, completion_tokens: 58 },
    })
    expect(JSON.parse(chat?.bytes.toString() ?? '')).toMatchObject({
      model: 'public',
      choices: [{ message: { content: ANSWER } }],
    })
    const completion = job('completions', { prompt: 'Infernet is' }).read(
      read(`${engine}/completion.json`),
    )
    expect(completion).toMatchObject({ finishReason: 'length', usage: { completion_tokens: 8 } })
  })

  it.each([
    ['llama-server', 'float'],
    ['llama-server', 'base64'],
    ['ollama', 'float'],
    ['ollama', 'base64'],
  ])('are vectors: of %s, asked for as %s', (engine, format) => {
    const body = { input: ['hello', 'a longer text'] }
    for (const wanted of ['float', 'base64'] as const) {
      const answer = job('embeddings', { ...body, encoding_format: wanted }).read(
        read(`${engine}/embeddings-${format}.json`),
      )
      expect(answer?.usage).toEqual({ prompt_tokens: 7, completion_tokens: 0 })
      const [first = [], second = []] = vectorsOf(answer?.bytes.toString() ?? '')
      expect([first.length, second.length]).toEqual([128, 128])
      expect(Math.hypot(...first)).toBeCloseTo(1, 4)
    }
  })

  it.each([
    ['vllm/error-context.json', 'context_length_exceeded', /maximum context length/],
    ['llama-server/error-context.json', 'context_length_exceeded', /exceeds the available context/],
    ['vllm/error-temperature.json', 'invalid_request', /temperature must be non-negative/],
  ])('blame the client in the engine’s words: %s', (name, code, message) => {
    const error = errorOfResponse(400, read(name).toString())
    expect(error).toMatchObject({ fault: 'request', status: 400, code })
    expect(error.message).toMatch(message)
  })

  it('blame the client for a schema that is none, though Ollama answers 500', () => {
    const error = errorOfResponse(500, read('ollama/error-schema.json').toString())
    expect(error).toMatchObject({ fault: 'request', status: 400, code: 'invalid_request' })
    expect(error.message).toBe('invalid JSON schema in format')
  })
})
