import { describe, expect, it } from 'vitest'
import type { EvidencePlan } from './evidence-plan.ts'
import { LLAMA_CHAIN, NEUTRAL, traceRequest } from './traced-request.ts'

const HASH = '00'.repeat(32)
const spec = {
  weights: HASH,
  template: HASH,
  quantization: 'x',
  kv: 'x',
  engine: 'x',
  backend: 'x',
}
const defaults = { temperature: 0.7, top_k: 40, top_p: 0.9, min_p: 0.05 }
const PLANS: Readonly<Record<EvidencePlan['kind'], EvidencePlan>> = {
  vllm: {
    kind: 'vllm',
    spec,
    defaults,
    replay: 'vllm-gumbel-murmur',
    candidates: 20,
    endpoints: ['chat.completions', 'completions'],
  },
  'llama-server': {
    kind: 'llama-server',
    spec,
    defaults,
    replay: 'llama-cpp',
    candidates: 20,
    endpoints: ['chat.completions', 'completions'],
  },
}
const KINDS = ['vllm', 'llama-server'] as const
const hello = [{ role: 'user', content: 'hello' }]
const chat = (
  fields: Record<string, unknown> = {},
  plan: Partial<EvidencePlan> = {},
  choices = 1,
) => {
  const payload = { messages: hello, stream: true, seed: 7, ...fields }
  const traced = (kind: EvidencePlan['kind']) =>
    traceRequest({ endpoint: 'chat.completions', payload, choices }, { ...PLANS[kind], ...plan })
  return { vllm: traced('vllm'), 'llama-server': traced('llama-server') }
}

describe('a request that is traced', () => {
  it.each(KINDS)('says everything that its draws depend on: %s', (kind) => {
    const { payload, sampler, replay } = chat({ temperature: 0.2, top_k: 3 })[kind]!
    const settings = { temperature: 0.2, top_k: 3, top_p: 0.9, min_p: 0.05 }
    expect(sampler).toEqual({ ...settings, seed: '7' })
    expect(replay).toBe(PLANS[kind].replay)
    expect(payload).toMatchObject({
      ...settings,
      messages: hello,
      logprobs: true,
      top_logprobs: 20,
    })
    if (kind === 'llama-server') expect(payload).toMatchObject(LLAMA_CHAIN)
  })

  it.each(KINDS)('leaves the request alone where more decides, and claims no draws: %s', (kind) => {
    for (const fields of [{ frequency_penalty: 1 }, { logit_bias: { 5: 1 } }, { min_tokens: 3 }]) {
      const traced = chat(fields)[kind]
      expect(traced?.replay).toBe('none')
      expect(traced?.payload).not.toHaveProperty('top_k')
      expect(traced?.payload).not.toHaveProperty('samplers')
      // The likeliest token need not be the one that is taken.
      expect(chat({ ...fields, temperature: 0 })[kind]).toBeUndefined()
    }
    const unknown = chat({ temperature: 0.5 }, { defaults: undefined })[kind]
    expect(unknown).toMatchObject({ replay: 'none', sampler: { temperature: 0.5, top_p: 1 } })
    expect(chat({ temperature: 0 }, { defaults: undefined })[kind]).toBeUndefined()
  })

  it('is none of vLLM’s under a grammar, which is in its logprobs and in no verifier’s', () => {
    const named = { type: 'function', function: { name: 'f' } }
    const strict = { type: 'function', function: { name: 'f', strict: true } }
    for (const fields of [
      { response_format: { type: 'json_object' } },
      { response_format: { type: 'json_schema', json_schema: { name: 's', schema: {} } } },
      { tools: [named], tool_choice: 'required' },
      { tools: [named], tool_choice: named },
      { tools: [strict] },
    ]) {
      const traced = chat({ stream: false, temperature: 0.8, ...fields })
      expect(traced.vllm).toBeUndefined()
      expect(traced['llama-server']?.replay).toBe('none')
    }
    for (const fields of [
      { response_format: { type: 'text' } },
      { response_format: null },
      { tool_choice: 'auto' },
      { tools: [named] },
      { tools: [named], tool_choice: 'none' },
    ])
      expect(chat(fields).vllm).toBeDefined()
  })

  it.each(KINDS)('is none where an answer cannot be shown: %s', (kind) => {
    const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } }
    for (const fields of [
      { messages: [{ role: 'user', content: [image] }] },
      { seed: -1.5 },
      { seed: 'seven' },
      { temperature: 'hot' },
      { top_k: -1 },
      { thinking_token_budget: 5 },
    ]) {
      expect(chat(fields)[kind]).toBeUndefined()
    }
    expect(chat({}, {}, 2)[kind]).toBeUndefined()
    expect(chat({}, { endpoints: ['completions'] })[kind]).toBeUndefined()
    const parts = [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }]
    expect(chat({ messages: parts })[kind]).toBeDefined()
  })

  it('takes the seed as the server does', () => {
    const seed = 2 ** 32 + 5
    expect(chat({ seed }).vllm?.sampler.seed).toBe('4294967301')
    expect(chat({ seed })['llama-server']?.sampler.seed).toBe('5')
    // llama.cpp's "any", and the uncut vocabulary that it walks by id.
    expect(chat({ seed: 2 ** 32 - 1 })['llama-server']?.replay).toBe('none')
    expect(chat({ top_k: 0 })['llama-server']?.replay).toBe('none')
    expect(chat({ seed: -1 })['llama-server']?.replay).toBe('none')
    expect(chat({ seed: -1 }).vllm).toBeUndefined()
    const uncut = chat({}, { defaults: NEUTRAL })
    expect(uncut.vllm).toMatchObject({ replay: 'vllm-gumbel-murmur', sampler: { top_k: 0 } })
    expect(uncut.vllm?.payload).not.toHaveProperty('top_k')
  })

  it('keeps the logprobs of the client where the server can give both', () => {
    const asked = { logprobs: true, top_logprobs: 2 }
    expect(chat(asked).vllm).toBeUndefined()
    expect(chat(asked)['llama-server']?.hiding.logprobs).toEqual({ top: 2 })
    expect(chat({ logprobs: true })['llama-server']?.hiding.logprobs).toEqual({ top: 20 })
    expect(chat({ ...asked, top_logprobs: 30 })['llama-server']?.payload).toMatchObject({
      top_logprobs: 30,
    })
    const tools = [{ type: 'function', function: { name: 'f' } }]
    expect(chat({ tools })['llama-server']).toBeUndefined()
    expect(chat({ tools, stream: false })['llama-server']?.replay).toBe('none')
    expect(chat({ tools }).vllm?.replay).toBe('none')
  })

  it.each(KINDS)('asks for a completion in its own words: %s', (kind) => {
    const payload = { prompt: 'q', stream: false, seed: 7 }
    const traced = (more: Record<string, unknown>) =>
      traceRequest(
        { endpoint: 'completions', payload: { ...payload, ...more }, choices: 1 },
        PLANS[kind],
      )
    expect(traced({})?.payload).toMatchObject({ logprobs: 20 })
    expect(traced({ prompt: [1, 2] })).toBeDefined()
    expect(traced({ prompt: ['one', 'two'] })).toBeUndefined()
    expect(traced({ echo: true })).toBeUndefined()
  })
})
