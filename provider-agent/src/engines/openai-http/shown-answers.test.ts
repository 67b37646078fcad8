import { hash } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { claimedAnswer } from '@infernet/verification/replay/claimed-answer'
import { replayExcess } from '@infernet/verification/replay/replay'
import { afterEach, describe, expect, it } from 'vitest'
import { FakeShowingVllm } from '../../testing/fake-showing-vllm.ts'
import { ask } from '../engine-conformance.ts'
import type { EngineRequest } from '../engine.ts'
import { evidenceConformance } from '../evidence-conformance.ts'
import type { SpecWords } from '../spec-words.ts'
import { OpenAiHttpEngine } from './openai-http.ts'

const model = 'shown'
const HASH = 'ab'.repeat(32)
const SPEC: SpecWords = {
  weights: { sha256: HASH },
  template: { sha256: HASH },
  quantization: 'fp8',
  backend: 'cuda',
  defaults: 'vllm',
}

const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close()
})

async function make(spec: SpecWords = SPEC, change: Partial<FakeShowingVllm> = {}) {
  const server = Object.assign(new FakeShowingVllm(), change)
  await server.start()
  const troubles: string[] = []
  const trouble = (message: string): void => void troubles.push(message)
  const engine = new OpenAiHttpEngine({ url: server.url, models: [], spec })
  await engine.start({ modelsChanged: () => {}, trouble })
  open.push(server, engine)
  return { engine, server, troubles }
}

const CHAT = { messages: [{ role: 'user', content: 'Which one?' }], temperature: 1 }
const COMPLETION = { prompt: 'Which one?', temperature: 1, max_tokens: 20 }
const completion: Partial<EngineRequest> = { endpoint: 'completions' }

evidenceConformance(
  'vLLM',
  async () => {
    const { engine, server } = await make()
    // The suite closes them by itself.
    open.splice(0)
    const dispose = () => server.close()
    return { engine, model, longQuestion: 'Which one?', isReal: true, dispose }
  },
  { ending: 'shown and counted', takesEverySeed: true },
)

describe('an answer that is shown', () => {
  it.each([
    [CHAT, {}],
    [{ ...CHAT, seed: 5, top_p: 0.9, stop: ['w9'] }, { include_usage: true }],
    [CHAT, { stream: false }],
    [COMPLETION, completion],
    [
      { ...COMPLETION, frequency_penalty: 1 },
      { ...completion, stream: false },
    ],
    // Not shown: what has more choices, or logprobs of the client's own.
    [{ ...CHAT, n: 2 }, { stream: false }],
    [{ ...CHAT, logprobs: true, top_logprobs: 3 }, {}],
    [
      { ...COMPLETION, logprobs: 2 },
      { ...completion, stream: false },
    ],
  ])('reaches the client as one that is not, byte by byte: %j %j', async (body, more) => {
    const shown = await ask((await make()).engine, model, body, more)
    const plain = await ask((await make({})).engine, model, body, more)
    expect(shown.text).toBe(plain.text)
    expect(shown.run?.usage()).toEqual(plain.run?.usage())
    expect(plain.run?.evidence?.()).toBeUndefined()
    const isShown = !('n' in body) && !('logprobs' in body)
    expect(shown.run?.evidence?.() !== undefined).toBe(isShown)
  })

  it('is claimed by what the client left open as the model has it', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'generation_config.json')
    writeFileSync(file, JSON.stringify({ temperature: 0.6, top_p: 0.95, top_k: 20 }))
    const { engine, server } = await make({ ...SPEC, defaults: file })
    const { messages } = CHAT
    const body = { messages, temperature: null, top_k: 5 }
    const { run } = await ask(engine, model, body)
    const settings = { temperature: 0.6, top_p: 0.95, top_k: 5, min_p: 0 }
    const evidence = run?.evidence?.()
    expect(evidence).toMatchObject({ sampler: settings, replay: 'vllm-gumbel-murmur' })
    expect(server.requests.at(-1)).toMatchObject(settings)
    const excess = replayExcess(claimedAnswer(evidence!, evidence!.transcript))
    expect(Math.max(...excess)).toBe(0)
  })

  it('needs no more words than the backend where the server names its folder', async () => {
    const root = mkdtempSync(join(tmpdir(), 'infernet-'))
    const weights = Buffer.from('\u0002\0\0\0\0\0\0\0{}weights')
    writeFileSync(join(root, 'model.safetensors'), weights)
    writeFileSync(join(root, 'config.json'), JSON.stringify({ dtype: 'bfloat16' }))
    writeFileSync(join(root, 'chat_template.jinja'), '{{ messages }}')
    const { engine, troubles } = await make({ backend: 'rocm' }, { root })
    expect(troubles).toEqual([])
    expect(engine.models[0]?.spec).toEqual({
      weights: hash('sha256', weights),
      template: hash('sha256', '{{ messages }}'),
      quantization: 'bfloat16',
      kv: 'auto',
      // And how it renders.
      engine: expect.stringMatching(/^vllm-0\.32\.0\+[0-9a-f]{8}$/),
      backend: 'rocm',
    })
  })

  it('is claimed without its draws where nobody knows what they were made with', async () => {
    const { engine, server, troubles } = await make({ ...SPEC, defaults: '/no/such/file' })
    expect(troubles).toEqual([expect.stringContaining('--spec-defaults')])
    const { run } = await ask(engine, model, CHAT)
    expect(run?.evidence?.()?.replay).toBe('none')
    expect(server.requests.at(-1)).not.toHaveProperty('top_p')
  })

  it('is whole where a parser holds text back, and its client gets no event more', async () => {
    const body = { ...CHAT, max_tokens: 9, seed: 3 }
    const parsedTokens = 4
    const shown = await ask((await make(SPEC, { parsedTokens })).engine, model, body)
    const plain = await ask((await make({}, { parsedTokens })).engine, model, body)
    expect(shown.text).toBe(plain.text)
    expect(shown.run?.evidence?.()?.transcript.positions).toHaveLength(9)
  })

  it('claims nothing when a token is missing', async () => {
    const { engine, server } = await make()
    server.silentTokens = 1
    const { run, finishReason } = await ask(engine, model, { ...CHAT, max_tokens: 9, seed: 3 })
    expect(finishReason).toBeDefined()
    expect(run?.evidence?.()).toBeUndefined()
  })

  it.each(['vllm-gumbel-murmur', 'vllm-gumbel'] as const)('is drawn by %s', async (variant) => {
    const { engine, troubles } = await make(SPEC, { variant })
    expect(troubles).toEqual([])
    const { run } = await ask(engine, model, { ...COMPLETION, max_tokens: 40 }, completion)
    expect(run?.evidence?.()?.replay).toBe(variant)
  })

  it('says that it is drawn as nobody can repeat', async () => {
    const { engine, troubles } = await make(SPEC, { variant: undefined })
    expect(troubles).toEqual([expect.stringContaining('by their probabilities only')])
    const { run } = await ask(engine, model, CHAT)
    expect(run?.evidence?.()).toMatchObject({ replay: 'none', kept_only: false })
  })

  it('lists as many candidates as the server allows', async () => {
    const { engine } = await make(SPEC, { maxLogprobs: 5 })
    const { run } = await ask(engine, model, CHAT)
    const { positions } = run?.evidence?.()?.transcript ?? { positions: [] }
    expect(new Set(positions.map(({ top }) => top.length))).toEqual(new Set([5]))
  })
})

describe('a server whose answers cannot be shown', () => {
  it.each([
    ['says what is missing', {}, {}, '--spec-weights FILE'],
    ['names all that is', { weights: { sha256: HASH } }, {}, '--spec-backend cuda'],
    ['has weights that are not there', { ...SPEC, weights: { path: '/no' } }, {}, '--spec-weights'],
    ['has a template that is not there', { ...SPEC, template: { path: '/no' } }, {}, 'template'],
    ['does not know the fields', SPEC, { knowsExtras: false }, 'return_token_ids'],
    ['tells numbers of its own', SPEC, { mode: 'processed' as const }, '--logprobs-mode'],
    ['tells one candidate', SPEC, { maxLogprobs: 1 }, 'greater than max allowed'],
  ])('%s, and serves', async (_, spec, change, advice) => {
    const { engine, troubles } = await make(spec, change)
    expect(troubles).toEqual([expect.stringContaining(advice)])
    expect(engine.models.map(({ id, spec: of }) => [id, of])).toEqual([
      [model, undefined],
      ['tuned', undefined],
    ])
    const { run, finishReason } = await ask(engine, model, CHAT)
    expect(finishReason).toBeDefined()
    expect(run?.evidence?.()).toBeUndefined()
  })

  it('has an adapter, whose weights are others', async () => {
    const { engine } = await make()
    expect(engine.models.map(({ id, spec }) => [id, spec?.weights])).toEqual([
      [model, HASH],
      ['tuned', undefined],
    ])
  })
})
