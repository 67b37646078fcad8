import { describe, expect, it } from 'vitest'
import type { UsageDay } from './api-types.ts'
import { byModel, dayBars, sumOf } from './usage-days.ts'

const NOW = Date.parse('2026-03-02T13:00:00Z')
const row = (date: string, model: string, cost_msat: string): UsageDay => ({
  object: 'usage.day',
  date,
  model,
  requests: 2,
  prompt_tokens: 10,
  completion_tokens: 5,
  cost_msat,
})
const rows = [
  row('2026-03-02', 'large', '300'),
  row('2026-03-02', 'small', '100'),
  row('2026-02-28', 'small', '200'),
]

describe('dayBars', () => {
  it('has every day, also those without requests, over the end of a month', () => {
    expect(dayBars(rows, NOW, 4)).toEqual([
      { date: '2026-02-27', requests: 0, tokens: 0, costMsat: 0n, share: 0 },
      { date: '2026-02-28', requests: 2, tokens: 15, costMsat: 200n, share: 0.5 },
      { date: '2026-03-01', requests: 0, tokens: 0, costMsat: 0n, share: 0 },
      { date: '2026-03-02', requests: 4, tokens: 30, costMsat: 400n, share: 1 },
    ])
  })

  it('is flat where nothing was used or everything was free', () => {
    for (const free of [[], [row('2026-03-02', 'free', '0')]])
      expect(dayBars(free, NOW, 2).map(({ share }) => share)).toEqual([0, 0])
  })
})

describe('byModel', () => {
  it('sums up, the dearest first, and adds up to the whole', () => {
    const models = byModel(rows)
    expect(models.map(({ model, costMsat }) => [model, costMsat])).toEqual([
      ['large', 300n],
      ['small', 300n],
    ])
    expect(sumOf(rows)).toEqual({ requests: 6, tokens: 45, costMsat: 600n })
  })
})
