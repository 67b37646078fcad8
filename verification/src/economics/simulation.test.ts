import { describe, expect, it } from 'vitest'
import { CARELESS_RULES, DEFAULT_RULES, DEFAULT_SETTING } from './market-rules.ts'
import { honestProfitMsat } from './report.ts'
import { simulate, type Outcome, type Simulation, type SimulationInput } from './simulation.ts'
import { CHEATS, HONEST, HONEST_VERIFIER, LAZY_VERIFIER, UNDETECTED } from './strategies.ts'

/** A twentieth of the work, so that a provider gets some 100 jobs an hour and an audit of one. */
const QUIET = { ...DEFAULT_SETTING, demand: DEFAULT_SETTING.demand / 20 }
const run = (change: Partial<SimulationInput> = {}): Simulation =>
  simulate({ rules: DEFAULT_RULES, setting: DEFAULT_SETTING, seed: 1, ...change })

const named = ({ outcomes }: Simulation, name: string): Outcome =>
  outcomes.find((outcome) => outcome.name === name)!

describe.each([
  ['a busy market', { seed: 2 }],
  ['a quiet market', { seed: 3, setting: QUIET }],
])('by the default rules, in %s', (_, change) => {
  const market = run(change)
  const [honest, honestVerifier] = honestProfitMsat(market)

  it.each(CHEATS.map(({ name }) => name))('the %s earns less than the honest', (name) => {
    expect(named(market, name).profitMsat).toBeLessThan(honest)
    expect(named(market, name).caughtOnDay).toBeDefined()
  })

  it('a lazy verifier earns less than an honest one', () => {
    expect(named(market, LAZY_VERIFIER.name).profitMsat).toBeLessThan(honestVerifier)
  })

  it('who cheats late has less than by leaving the day before', () => {
    const late = CHEATS.find(({ name }) => name.startsWith('late'))!
    const { dailyMsat, caughtOnDay } = named(market, late.name)
    const since = dailyMsat.slice(14).reduce((sum, day) => sum + day, 0n)
    expect(caughtOnDay).toBeGreaterThanOrEqual(15)
    expect(since).toBeLessThan(0n)
  })

  it('no honest one is punished', () => {
    const honestNames = new Set([HONEST.name, HONEST_VERIFIER.name])
    for (const { name, caughtOnDay } of market.outcomes)
      if (honestNames.has(name)) expect(caughtOnDay).toBeUndefined()
  })

  it('makes and loses no money', () => {
    expect(market.totalMsat[1]).toBe(market.totalMsat[0])
  })

  it('has profits that are the sum of their days', () => {
    for (const { dailyMsat, profitMsat } of market.outcomes)
      expect(dailyMsat.reduce((sum, day) => sum + day, 0n)).toBe(profitMsat)
  })
})

describe('what the rules do not hold', () => {
  it('8-bit weights with forged logprobs pay, since nothing tells them apart', () => {
    const market = run({ setting: { ...DEFAULT_SETTING, days: 3 } })
    const forger = named(market, UNDETECTED.name)
    expect(forger.caughtOnDay).toBeUndefined()
    expect(forger.profitMsat).toBeGreaterThan(honestProfitMsat(market)[0])
  })
})

describe('by careless rules: no least rate, no holdback, no bond', () => {
  const market = run({ rules: CARELESS_RULES, setting: { ...DEFAULT_SETTING, days: 10 } })

  it('who comes back under new names earns more than the honest', () => {
    const restarter = CHEATS.find(({ returns }) => returns)!
    expect(named(market, restarter.name).profitMsat).toBeGreaterThan(honestProfitMsat(market)[0])
  })

  it('no cheat costs anything', () => {
    for (const { name } of CHEATS) expect(named(market, name).profitMsat).toBeGreaterThan(0n)
  })

  it('makes and loses no money', () => {
    expect(market.totalMsat[1]).toBe(market.totalMsat[0])
  })
})

describe('a seed', () => {
  const short = { setting: { ...QUIET, days: 3 } }

  it('has one outcome', () => {
    expect(run(short)).toEqual(run(short))
  })

  it('is not the only one', () => {
    expect(run(short)).not.toEqual(run({ ...short, seed: 2 }))
  })
})
