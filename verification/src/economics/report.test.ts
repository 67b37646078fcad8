import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CARELESS_RULES, DEFAULT_RULES, DEFAULT_SETTING } from './market-rules.ts'
import { leastAuditRate } from './economics.ts'
import { examplesTable, marketTable, sparkline } from './report.ts'
import { simulate, type Simulation } from './simulation.ts'

const PAGE = readFileSync(new URL('../../../docs/economics.md', import.meta.url), 'utf8')
/** The seed that the page names. */
const SEED = Number(/seed (\d+)/.exec(PAGE)?.[1])
/** To the nearest thousand, sat. */
const thousands = ({ outcomes }: Simulation, named: string) => {
  const { profitMsat } = outcomes.find(({ name }) => name === named)!
  return (Math.round(Number(profitMsat) / 1e6) * 1000).toLocaleString('en-US')
}

describe('a sparkline', () => {
  it('has a bar for gains, a mark for losses and a dot for nothing', () => {
    expect(sparkline([800n, 400n, 0n, -5n, -800n, 100n])).toBe('█▄..v▁')
  })

  it('of losses only has no bars', () => {
    expect(sparkline([-5n, -3n, 0n])).toBe('vv.')
    expect(sparkline([0n, 0n])).toBe('..')
  })
})

/** What is printed here on failure is what the page should have. */
describe('docs/economics.md has what the code says', () => {
  it('of the worked examples', () => {
    expect(PAGE).toContain(examplesTable())
  })

  it('of the market', () => {
    const market = simulate({ rules: DEFAULT_RULES, setting: DEFAULT_SETTING, seed: SEED })
    expect(PAGE).toContain(marketTable(market))
  })

  it('of the careless market', () => {
    const market = simulate({ rules: CARELESS_RULES, setting: DEFAULT_SETTING, seed: SEED })
    expect(PAGE).toContain(`earns\n${thousands(market, 'Sybil restarter')} sat`)
  })

  it('of verifiers that help a cheat', () => {
    const small = { power: 1, falseAlarm: 0, gainMsat: 255 }
    const rate = leastAuditRate({ ...small, corruptShare: 0.5, lossMsat: 5_000_000 })
    expect(PAGE).toContain(`audits of ${(rate * 100).toFixed(2)} % suffice at ρ = ½`)
  })
})
