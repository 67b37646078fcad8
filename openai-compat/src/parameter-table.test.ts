import { CAPABILITIES, ENDPOINTS } from '@infernet/schemas/wire'
import { describe, expect, it } from 'vitest'
import { isDenied } from './denied-parameters.ts'
import {
  type EngineKind,
  PARAMETERS,
  reachesEngine,
  supportedParameters,
} from './parameter-table.ts'

const KINDS: readonly EngineKind[] = ['openai', 'vllm', 'llama-server', 'embedded']

describe('the parameter table', () => {
  it('allows what is denied elsewhere only where it is the endpoint’s own', () => {
    const allowed = ENDPOINTS.flatMap((endpoint) =>
      Object.keys(PARAMETERS[endpoint])
        .filter(isDenied)
        .map((name) => `${endpoint} ${name}`),
    )
    expect(allowed).toEqual(['completions echo'])
  })

  it('lets what OpenAI’s chat clients send through to every engine', () => {
    const known = ['temperature', 'top_p', 'seed', 'stop', 'tools', 'response_format', 'logprobs']
    for (const name of known) {
      for (const kind of KINDS) expect(reachesEngine('chat.completions', name, kind)).toBe(true)
    }
  })

  it.each(ENDPOINTS)('knows %s by its own parameters', (endpoint) => {
    for (const kind of KINDS) {
      expect(reachesEngine(endpoint, 'tools', kind)).toBe(
        endpoint === 'chat.completions' || kind === 'openai',
      )
      for (const name of ['model', 'messages', 'prompt', 'input', 'provider', 'user']) {
        expect(reachesEngine(endpoint, name, kind)).toBe(false)
      }
    }
  })

  it.each(ENDPOINTS)('is not fooled by names that every object has: %s', (endpoint) => {
    for (const name of ['constructor', 'toString', 'hasOwnProperty']) {
      expect(reachesEngine(endpoint, name, 'vllm')).toBe(false)
      expect(reachesEngine(endpoint, name, 'openai')).toBe(true)
    }
    for (const kind of KINDS) expect(reachesEngine(endpoint, '__proto__', kind)).toBe(false)
  })
})

describe('supportedParameters', () => {
  const chat = ['chat.completions'] as const

  it('are those that every engine takes', () => {
    expect(supportedParameters(chat, [])).toEqual([
      'frequency_penalty',
      'logit_bias',
      'max_completion_tokens',
      'max_tokens',
      'min_p',
      'presence_penalty',
      'stop',
      'temperature',
      'top_k',
      'top_p',
    ])
  })

  it.each([
    ['tools', ['parallel_tool_calls', 'tool_choice', 'tools']],
    ['json_schema', ['response_format', 'structured_outputs']],
    ['logprobs', ['logprobs', 'top_logprobs']],
    ['seed', ['seed']],
    ['choices', ['n']],
    ['vision', []],
    ['continue', []],
  ])('and with %s %j', (capability, more) => {
    const plain = supportedParameters(chat, [])
    expect(supportedParameters(chat, [capability])).toEqual([...plain, ...more].sort())
  })

  it('are those of all endpoints together', () => {
    expect(supportedParameters(['embeddings'], CAPABILITIES)).toEqual(['encoding_format'])
    expect(supportedParameters(['completions'], CAPABILITIES)).not.toContain('tools')
    const both = supportedParameters(['completions', 'embeddings'], [])
    expect(both).toContain('encoding_format')
    expect(both).toContain('temperature')
    expect(supportedParameters([], CAPABILITIES)).toEqual([])
  })
})
