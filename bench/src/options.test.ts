import { describe, expect, it } from 'vitest'
import { FULL_AGENT } from './agent/measure-agent.ts'
import { FULL_DISPATCH, QUICK_DISPATCH } from './dispatch.ts'
import { FULL_LEDGER, QUICK_LEDGER } from './ledger.ts'
import { FULL_SETTLEMENT } from './settlement.ts'
import { FULL_STEPS } from './steps.ts'
import { BadOption, parseOptions } from './options.ts'
import { rotate } from './rounds.ts'
import { FULL_BUDGET, QUICK_BUDGET, SCENARIOS } from './scenario.ts'
import { TARGETS } from './targets/all.ts'

const parse = (...args: string[]) => parseOptions(args, TARGETS)

describe('parseOptions', () => {
  it('runs everything by default', () =>
    expect(parse()).toEqual({
      targets: TARGETS,
      scenarios: SCENARIOS,
      budget: FULL_BUDGET,
      dispatch: FULL_DISPATCH,
      ledger: FULL_LEDGER,
      settlement: FULL_SETTLEMENT,
      steps: FULL_STEPS,
      agent: undefined,
    }))

  it('measures agents when they are named', () => {
    expect(parse('agent')).toMatchObject({ agent: FULL_AGENT, steps: undefined, targets: [] })
    expect(parse('agent', '--rounds', '3').agent).toEqual({ ...FULL_AGENT, rounds: 3 })
  })

  it('runs dispatch alone when it is named, and not beside picked targets', () => {
    const alone = parse('dispatch', '--quick', '--rounds', '2')
    expect(alone.targets).toEqual([])
    expect(alone.dispatch).toEqual({ ...QUICK_DISPATCH, rounds: 2 })
    expect(alone.ledger).toBeUndefined()
    expect(parse('--targets', 'relay').dispatch).toBeUndefined()
  })

  it('runs the ledger alone, or both parts, when they are named', () => {
    expect(parse('ledger', '--quick')).toMatchObject({
      targets: [],
      dispatch: undefined,
      ledger: QUICK_LEDGER,
    })
    expect(parse('ledger', 'dispatch', '--rounds', '2')).toMatchObject({
      dispatch: { rounds: 2 },
      ledger: { rounds: 2 },
    })
  })

  it('always includes the direct engine', () =>
    expect(parse('--targets', 'relay').targets.map(({ name }) => name)).toEqual([
      'direct',
      'relay',
    ]))

  it('narrows scenarios and rounds', () => {
    const options = parse('--scenario', 'hang-up,json-1', '--quick', '--rounds', '7')
    expect(options.scenarios.map(({ name }) => name)).toEqual(['json-1', 'hang-up'])
    expect(options.budget).toEqual({ ...QUICK_BUDGET, rounds: 7 })
  })

  it.each([
    ['--targets', 'haproxy'],
    ['--scenario', 'json'],
    ['--rounds', '0'],
    ['--rounds', 'many'],
    ['--fast', ''],
    ['relay', '--quick'],
    ['dispatch', '--targets=relay'],
    ['ledger', '--scenario=json-1'],
    ['steps', '--targets=relay'],
  ])('refuses %s %s', (...args) => expect(() => parse(...args)).toThrow(BadOption))
})

describe('rotate', () => {
  it('puts every item first once in as many turns', () => {
    const list = ['a', 'b', 'c']
    expect(list.map((_, turn) => rotate(list, turn)[0])).toEqual(list)
    expect(rotate(list, 4)).toEqual(['b', 'c', 'a'])
    expect(rotate([], 3)).toEqual([])
  })
})
