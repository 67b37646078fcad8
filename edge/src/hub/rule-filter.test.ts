import { describe, expect, it } from 'vitest'
import { candidate, profile, rules } from '../testing/candidates.ts'
import { capabilityBits, endpointBits, type Candidate } from './candidate.ts'
import type { MatchRules } from './match-rules.ts'
import { namesOf, RuleFilter } from './rule-filter.ts'

const kept = (one: Candidate, fields: Partial<MatchRules>): readonly string[] =>
  namesOf(new RuleFilter(rules(fields)).misfits(one))

describe('the rules of a request', () => {
  it.each<[rule: string, fields: Partial<MatchRules>, breaking: Partial<Candidate>]>([
    ['endpoint', {}, { profile: profile({ endpoints: endpointBits(['embeddings']) }) }],
    ['capabilities', { needs: ['tools', 'vision'] }, {}],
    ['quantizations', { quantizations: ['fp8'] }, { profile: profile({ quantization: 'q4' }) }],
    ['quantizations', { quantizations: ['fp8'] }, {}],
    ['data_collection', { noDataCollection: true }, { profile: profile({ keepsPrompts: true }) }],
    ['verify', { verifiableOnly: true }, {}],
    ['max_price', {}, { price: { prompt: 11, completion: 1 } }],
    ['max_price', {}, { price: { prompt: 1, completion: 11 } }],
    ['only', { only: ['b'] }, {}],
    ['only', { only: [] }, {}],
    ['ignore', { ignore: ['b', 'a'] }, {}],
  ])('keep somebody out: %s', (rule, fields, breaking) => {
    expect(kept(candidate('a', breaking), fields)).toEqual([rule])
  })

  it('let in who breaks none of them, up to the very price', () => {
    const all = {
      needs: ['tools', 'seed'] as const,
      quantizations: ['q4', 'fp8'],
      noDataCollection: true,
      verifiableOnly: true,
      only: ['b', 'a'],
      ignore: ['c'],
    }
    const one = candidate('a', {
      price: { prompt: 10, completion: 10 },
      profile: profile({
        capabilities: capabilityBits(['seed', 'tools', 'vision']),
        quantization: 'fp8',
        isVerifiable: true,
      }),
    })
    expect(kept(one, all)).toEqual([])
    expect(kept(candidate('a', { profile: profile({ keepsPrompts: true }) }), {})).toEqual([])
  })

  it('name every rule that keeps somebody out', () => {
    const dear = candidate('a', { price: { prompt: 99, completion: 99 } })
    expect(kept(dear, { ignore: ['a'], needs: ['audio'] })).toEqual([
      'capabilities',
      'max_price',
      'ignore',
    ])
  })

  it('hold for long lists as for short ones', () => {
    const peers = Array.from({ length: 64 }, (_, i) => `peer-${i}`)
    expect(kept(candidate('peer-63'), { ignore: peers })).toEqual(['ignore'])
    expect(kept(candidate('peer-64'), { ignore: peers })).toEqual([])
    expect(kept(candidate('peer-63'), { only: peers })).toEqual([])
    expect(kept(candidate('peer-64'), { only: peers })).toEqual(['only'])
  })
})
