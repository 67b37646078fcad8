import { msat } from '@infernet/schemas/money'
import { ENDPOINTS } from '@infernet/schemas/wire'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  capabilityOf,
  limitRefusal,
  MAX_LIST_ITEMS,
  readLimits,
  SERVICE,
  writeCaveats,
  type Limits,
  type RequestFacts,
} from './caveats.ts'

const NOW = 1_800_000_000_000
const facts: RequestFacts = { endpoint: 'chat.completions', model: 'infernet-demo' }
const outcome = (caveats: readonly string[], asked = facts, now = NOW): string => {
  const read = readLimits(caveats)
  return read.ok ? (limitRefusal(read.limits, asked, now) ?? 'allowed') : read.reason
}

const modelName = fc.stringMatching(/^[\x21-\x7e]{1,128}$/)
const allLimits: fc.Arbitrary<Limits> = fc.record(
  {
    services: fc.constantFrom([SERVICE], [SERVICE, 'other:3']),
    capabilities: fc.uniqueArray(fc.constantFrom(...ENDPOINTS.map(capabilityOf)), { minLength: 1 }),
    validUntil: fc.nat({ max: 1e12 - 1 }),
    model: modelName,
    budgetMsat: fc.maxSafeNat().map(msat),
  },
  { requiredKeys: [] },
)

/** Good and bad ones, so that many chains of them hold and many do not. */
const CHAINABLE = [
  'services=infer:0',
  'services=infer:0,other:1',
  'services=other:1',
  'infer_capabilities=chat',
  'infer_capabilities=embeddings',
  'infer_capabilities=chat,embeddings',
  'infer_valid_until=1800000000',
  'infer_valid_until=1800000001',
  'infer_valid_until=1',
  'infer_model=infernet-demo',
  'infer_model=another',
  'infer_budget_msat=0',
  'infer_budget_msat=1',
  'infer_budget_msat= 1',
  'infer_color=red',
  'color=red',
  ' infer_model=another',
]

describe('limits', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(allLimits, (limits) => {
        expect(readLimits(writeCaveats(limits))).toEqual({ ok: true, limits })
      }),
    )
  })

  it('are written as people know them', () => {
    expect(
      writeCaveats({
        services: [SERVICE],
        capabilities: ['chat', 'embeddings'],
        validUntil: 1_800_000_000,
        model: 'infernet-demo',
        budgetMsat: msat(500_000),
      }),
    ).toEqual([
      'services=infer:0',
      'infer_capabilities=chat,embeddings',
      'infer_valid_until=1800000000',
      'infer_model=infernet-demo',
      'infer_budget_msat=500000',
    ])
  })

  it('only ever narrow: what more caveats allow, fewer do', () => {
    const caveats = fc.array(fc.constantFrom(...CHAINABLE), { maxLength: 6 })
    const request = fc.record({
      endpoint: fc.constantFrom(...ENDPOINTS),
      model: fc.constantFrom('infernet-demo', 'another'),
    })
    fc.assert(
      fc.property(caveats, request, (chain, asked) => {
        const longer = readLimits(chain)
        const shorter = readLimits(chain.slice(0, -1))
        fc.pre(longer.ok && limitRefusal(longer.limits, asked, NOW - 1) === undefined)
        expect(shorter.ok && limitRefusal(shorter.limits, asked, NOW - 1)).toBe(undefined)
        const budgets = [longer, shorter].map((read) => read.ok && read.limits.budgetMsat)
        expect(budgets[0] ?? Infinity).toBeLessThanOrEqual(Number(budgets[1] ?? Infinity))
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('readLimits', () => {
  it.each<[string, string[]]>([
    ['nothing', []],
    ['our service', ['services=infer:0']],
    ['our service among others', ['services=other:1,infer:0']],
    ['fewer services', ['services=other:1,infer:0', 'services=infer:0']],
    ['the capability', ['infer_capabilities=chat']],
    ['fewer capabilities', ['infer_capabilities=chat,embeddings', 'infer_capabilities=chat']],
    ['a capability that is not known yet', ['infer_capabilities=chat,images']],
    ['a time that has not come', ['infer_valid_until=1800000001']],
    ['an earlier time', ['infer_valid_until=1800000002', 'infer_valid_until=1800000001']],
    ['the model', ['infer_model=infernet-demo']],
    ['the same again', ['infer_model=infernet-demo', 'infer_model=infernet-demo']],
    ['a smaller budget', ['infer_budget_msat=10', 'infer_budget_msat=0']],
    // The specification: unknown caveats are skipped, not rejected.
    ['caveats of other applications', ['color=red', 'not a pair', '', '=', 'loop_valid_until=1']],
  ])('allows %s', (_, caveats) => {
    expect(outcome(caveats)).toBe('allowed')
  })

  it.each<[string, string[], string]>([
    ['another service', ['services=other:0'], 'other_service'],
    ['another tier', ['services=infer:1'], 'other_service'],
    ['another capability', ['infer_capabilities=embeddings'], 'capability_not_allowed'],
    ['another model', ['infer_model=another'], 'model_not_allowed'],
    ['a time that has come', ['infer_valid_until=1800000000'], 'expired'],
    ['a service more', ['services=infer:0', 'services=infer:0,other:0'], 'widened_caveat'],
    ['a tier more', ['services=infer:0', 'services=infer:1'], 'widened_caveat'],
    [
      'a capability more',
      ['infer_capabilities=chat', 'infer_capabilities=chat,embeddings'],
      'widened_caveat',
    ],
    [
      'a later time',
      ['infer_valid_until=1800000001', 'infer_valid_until=1800000002'],
      'widened_caveat',
    ],
    ['two models', ['infer_model=another', 'infer_model=infernet-demo'], 'widened_caveat'],
    ['a larger budget', ['infer_budget_msat=1', 'infer_budget_msat=2'], 'widened_caveat'],
    ['an unknown caveat of ours', ['infer_color=red'], 'unknown_caveat'],
    ['our prefix alone', ['infer_'], 'unknown_caveat'],
    ['a name of ours with a space', ['infer_model =infernet-demo'], 'unknown_caveat'],
    ['a name of ours after a space', [' services=infer:0'], 'unknown_caveat'],
    ['a name of ours in capitals', ['INFER_model=infernet-demo'], 'unknown_caveat'],
    ['no value', ['infer_model'], 'malformed_caveat'],
    ['an empty value', ['infer_model='], 'malformed_caveat'],
    ['an empty list', ['infer_capabilities='], 'malformed_caveat'],
    ['an empty item', ['infer_capabilities=chat,'], 'malformed_caveat'],
    ['a space in a list', ['infer_capabilities=chat, embeddings'], 'malformed_caveat'],
    ['a service without its tier', ['services=infer'], 'malformed_caveat'],
    ['a model with a space', ['infer_model=a b'], 'malformed_caveat'],
    ['a model with a long name', [`infer_model=${'x'.repeat(129)}`], 'malformed_caveat'],
    ['a time that is no number', ['infer_valid_until=tomorrow'], 'malformed_caveat'],
    ['a time below zero', ['infer_valid_until=-1'], 'malformed_caveat'],
    ['a time beyond bounds', ['infer_valid_until=1000000000000'], 'malformed_caveat'],
    ['a budget with a fraction', ['infer_budget_msat=1.5'], 'malformed_caveat'],
    ['a budget beyond bounds', ['infer_budget_msat=9007199254740992'], 'malformed_caveat'],
  ])('refuses %s', (_, caveats, reason) => {
    expect(outcome(caveats)).toBe(reason)
  })

  it('has a limit of list items', () => {
    const items = (count: number) => Array.from({ length: count }, () => 'chat').join(',')
    expect(outcome([`infer_capabilities=${items(MAX_LIST_ITEMS)}`])).toBe('allowed')
    expect(outcome([`infer_capabilities=${items(MAX_LIST_ITEMS + 1)}`])).toBe('malformed_caveat')
  })

  it('says ok or why not, whatever it is given', () => {
    fc.assert(fc.property(fc.array(fc.string()), (caveats) => outcome(caveats) !== ''))
  })
})

describe('limitRefusal', () => {
  it('leaves the model for later while it is not known', () => {
    expect(outcome(['infer_model=another'], { ...facts, model: undefined })).toBe('allowed')
  })

  it('is exact to the millisecond', () => {
    const until = ['infer_valid_until=1800000000']
    expect(outcome(until, facts, NOW - 1)).toBe('allowed')
    expect(outcome(until, facts, NOW)).toBe('expired')
  })

  it('has a capability for every endpoint', () => {
    for (const endpoint of ENDPOINTS) {
      const own = [`infer_capabilities=${capabilityOf(endpoint)}`]
      for (const other of ENDPOINTS)
        expect(outcome(own, { ...facts, endpoint: other })).toBe(
          other === endpoint ? 'allowed' : 'capability_not_allowed',
        )
    }
  })
})
