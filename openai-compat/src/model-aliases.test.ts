import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AliasCandidate, type AliasWish, resolveAlias } from './model-aliases.ts'

const CHAT: AliasWish = { endpoint: 'chat.completions', needs: [] }

function model(id: string, more: Partial<AliasCandidate> & { price?: number } = {}) {
  const { price = 1000, ...rest } = more
  return {
    id,
    contextLength: 32_768,
    minPrice: { prompt: price, completion: price },
    capabilities: ['tools', 'json_schema'],
    endpoints: ['chat.completions', 'completions'],
    ...rest,
  } satisfies AliasCandidate
}

const small = model('meta-llama/Llama-3.1-8B-Instruct', { price: 100 })
const oss20 = model('openai/gpt-oss-20b', { price: 200 })
const coder = model('Qwen/Qwen3-Coder-30B-A3B-Instruct', { price: 300 })
const large = model('meta-llama/Llama-3.3-70B-Instruct', { price: 500 })
const r1 = model('deepseek-ai/DeepSeek-R1', { price: 900 })
const v3 = model('deepseek-ai/DeepSeek-V3.2', { price: 800 })
const MARKET = [small, large, oss20, coder, r1, v3]

describe('resolveAlias', () => {
  it.each([
    ['gpt-4o-mini', oss20],
    ['openai/gpt-4o-mini-2024-07-18', oss20],
    ['gpt-4.1-nano', oss20],
    ['gpt-5-mini', oss20],
    ['gpt-5.1-mini', oss20],
    ['gpt-3.5-turbo', oss20],
    ['claude-3-5-haiku-20241022', oss20],
    ['claude-haiku-4-5', oss20],
    ['gemini-2.5-flash-lite', oss20],
    ['gpt-4o', v3],
    ['GPT-4o', v3],
    ['gpt-4', v3],
    ['gpt-4-turbo', v3],
    ['gpt-4.1', v3],
    ['gpt-5', v3],
    ['gpt-5.2-pro', v3],
    ['chatgpt-4o-latest', v3],
    ['claude-3-5-sonnet-20241022', v3],
    ['anthropic/claude-opus-4.5', v3],
    ['google/gemini-2.5-pro', v3],
    ['grok-4', v3],
    ['o1', r1],
    ['o3-mini', r1],
    ['o4-mini', r1],
    ['gpt-5-codex', coder],
    ['gpt-5.1-codex-mini', coder],
    ['codex-mini-latest', coder],
    ['auto', small],
    ['openrouter/auto', small],
  ])('%s stands for a good open model', (name, expected) => {
    expect(resolveAlias(name, MARKET, CHAT)).toBe(expected.id)
  })

  it.each([
    'gpt-oss-120b',
    'openai/gpt-oss-120b',
    'gemma-3-27b',
    'llama3:8b',
    'someone/gpt-4o',
    'gpt-4o-realtime-preview',
    'gpt-4o-audio-preview',
    'gpt-4o-transcribe',
    'text-embedding-3-small',
    'gpt-40',
    'o3d',
    'automatic',
    'claude',
    '',
    '__proto__',
  ])('%s stands for itself', (name) => {
    expect(resolveAlias(name, MARKET, CHAT)).toBeUndefined()
  })

  it('never looks behind a name that is served', () => {
    const own = model('gpt-4o', { price: 9_999_999, capabilities: [] })
    const auto = model('auto', { capabilities: [] })
    const wish: AliasWish = { endpoint: 'chat.completions', needs: ['vision'] }
    expect(resolveAlias('gpt-4o', [...MARKET, own], wish)).toBe('gpt-4o')
    expect(resolveAlias('auto', [...MARKET, auto], wish)).toBe('auto')
  })

  it('takes whatever is served when nothing better is', () => {
    const tiny = model('infernet/tiny', { contextLength: 512 })
    for (const name of ['gpt-4o-mini', 'gpt-4o', 'o3', 'codex', 'claude-sonnet-4', 'auto']) {
      expect(resolveAlias(name, [tiny], CHAT)).toBe('infernet/tiny')
      expect(resolveAlias(name, [], CHAT)).toBeUndefined()
    }
  })

  it('falls back to the largest for a large name and to the cheapest for a small one', () => {
    const strangers = [
      model('a/smol-135m', { price: 10 }),
      model('b/moe-8x7b', { price: 40 }),
      model('c/dense-34b', { price: 30 }),
      model('d/sparse-40b-a99b', { price: 50 }),
      model('e/nameless', { price: 20 }),
    ]
    expect(resolveAlias('gpt-4o', strangers, CHAT)).toBe('b/moe-8x7b')
    expect(resolveAlias('gpt-4o-mini', strangers, CHAT)).toBe('a/smol-135m')
    const free = strangers.map((candidate) => ({ ...candidate, ...model(candidate.id) }))
    expect(resolveAlias('gpt-4o-mini', free, CHAT)).toBe('b/moe-8x7b')
  })

  it('asks for what the request needs before it asks for the price', () => {
    const seeing = { ...r1, capabilities: ['vision', 'tools'] }
    const market = [small, oss20, seeing]
    const needs: AliasWish = { endpoint: 'chat.completions', needs: ['vision', 'tools'] }
    expect(resolveAlias('auto', market, needs)).toBe(seeing.id)
    expect(resolveAlias('gpt-4o-mini', market, needs)).toBe(seeing.id)
    expect(resolveAlias('auto', market, { ...needs, needs: ['audio'] })).toBeUndefined()
  })

  it('asks for the endpoint, and never guesses an embedding model', () => {
    const old = { ...small, id: 'old', endpoints: ['completions'] as const }
    const vectors = { ...small, id: 'bge-m3', endpoints: ['embeddings'] as const }
    const market = [old, vectors]
    expect(resolveAlias('gpt-4o', market, CHAT)).toBeUndefined()
    expect(
      resolveAlias('gpt-3.5-turbo-instruct', market, { ...CHAT, endpoint: 'completions' }),
    ).toBe('old')
    const embed: AliasWish = { endpoint: 'embeddings', needs: [] }
    for (const name of ['auto', 'text-embedding-3-small', 'gpt-4o']) {
      expect(resolveAlias(name, market, embed)).toBeUndefined()
    }
    expect(resolveAlias('bge-m3', market, embed)).toBe('bge-m3')
  })

  it('answers alike whatever order the directory has', () => {
    const names = fc.constantFrom('auto', 'gpt-4o', 'gpt-4o-mini', 'o3', 'codex')
    const shuffled = fc.shuffledSubarray(MARKET, { minLength: MARKET.length })
    fc.assert(
      fc.property(names, shuffled, (name, market) => {
        expect(resolveAlias(name, market, CHAT)).toBe(resolveAlias(name, MARKET, CHAT))
      }),
    )
  })

  it('answers with a served model that can do it, or not at all', () => {
    const capability = fc.constantFrom('tools', 'vision', 'logprobs')
    const candidate = fc.record({
      id: fc.stringMatching(/^[a-z]{1,4}-\d{1,3}b$/),
      price: fc.nat({ max: 3 }),
      capabilities: fc.uniqueArray(capability),
    })
    const names = fc.constantFrom('auto', 'gpt-4o', 'gpt-4o-mini', 'o3', 'codex')
    const needs = fc.uniqueArray(
      fc.constantFrom<AliasWish['needs'][number]>('tools', 'vision', 'logprobs'),
    )
    fc.assert(
      fc.property(names, fc.array(candidate), needs, (name, candidates, wanted) => {
        const served = candidates.map(({ id, ...more }) => model(id, more))
        const able = served.filter(({ capabilities }) =>
          wanted.every((need) => capabilities.includes(need)),
        )
        const id = resolveAlias(name, served, { endpoint: 'chat.completions', needs: wanted })
        if (able.length === 0) expect(id).toBeUndefined()
        else expect(able.map((one) => one.id)).toContain(id)
      }),
    )
  })
})
