import { parseChatRequest } from '@infernet/openai-compat/chat-request'
import { describe, expect, it } from 'vitest'
import { plainRules, type MatchRules } from '../hub/match-rules.ts'
import type { ServedModel } from '../ports.ts'
import { requestRules } from './request-rules.ts'

const MAX_PRICE = { prompt: 2_000_000, completion: 4_000_000 }
const model: ServedModel = {
  id: 'tiny',
  since: 0,
  contextLength: 1000,
  minPrice: { prompt: 1, completion: 1 },
  maxPrice: MAX_PRICE,
  capabilities: [],
  endpoints: ['chat.completions'],
  quantizations: [],
  providers: 1,
}
const plain = plainRules('chat.completions', MAX_PRICE)

function rulesOf(provider: object, fields: object = {}): MatchRules {
  const messages = [{ role: 'user', content: 'Hi' }]
  const body = JSON.stringify({ model: 'tiny', messages, provider, ...fields })
  const request = parseChatRequest(new TextEncoder().encode(body))
  return requestRules(request, { model, sort: undefined })
}

describe('the words of provider{}', () => {
  const cases: [object, Partial<MatchRules>][] = [
    [{}, {}],
    [{ order: ['a', 'b'] }, { order: ['a', 'b'] }],
    [{ only: ['a'] }, { only: ['a'] }],
    [{ ignore: ['a'] }, { ignore: ['a'] }],
    [{ allow_fallbacks: false }, { allowFallbacks: false }],
    [{ sort: 'price' }, { sort: 'price' }],
    [{ sort: { by: 'latency' } }, { sort: 'latency' }],
    [{ max_price: { prompt: '1' } }, { maxPrice: { prompt: 1_000_000, completion: 4_000_000 } }],
    [{ max_price: { completion: 0.5 } }, { maxPrice: { prompt: 2_000_000, completion: 500_000 } }],
    [{ max_price: { prompt: '9', request: '1', image: '1' } }, {}],
    [{ preferred_min_throughput: 50 }, { minThroughput: 50 }],
    [{ preferred_min_throughput: { p90: 20, p50: 40 } }, { minThroughput: 40 }],
    [{ preferred_max_latency: 0.5 }, { maxLatencyMs: 500 }],
    [{ preferred_max_latency: { p99: 3 } }, { maxLatencyMs: 3000 }],
    [{ quantizations: ['FP8', 'q8_0'] }, { quantizations: ['fp8', 'q8_0'] }],
    [{ data_collection: 'deny' }, { noDataCollection: true }],
    [{ data_collection: 'allow' }, {}],
    [{ zdr: true }, { noDataCollection: true }],
    [{ verify: 'strict' }, { verifiableOnly: true }],
    [{ verify: 'none' }, {}],
  ]
  it.each(cases)('%j', (provider, expected) => {
    expect(rulesOf(provider)).toEqual({ ...plain, ...expected })
  })

  it('make a seed count only where every parameter is required', () => {
    expect(rulesOf({}, { seed: 1 }).needs).toEqual([])
    expect(rulesOf({ require_parameters: true }, { seed: 1 }).needs).toEqual(['seed'])
  })
})
