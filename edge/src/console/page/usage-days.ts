import type { UsageDay } from './api-types.ts'

const DAY_MS = 86_400_000

/** One bar of the chart. */
export interface DayBar {
  readonly date: string
  readonly requests: number
  readonly costMsat: bigint
  /** Of the dearest day, 0 to 1. */
  readonly share: number
}

/** The last `days` days, the oldest first, those without requests too. `now` in ms since the epoch. */
export function dayBars(rows: readonly UsageDay[], now: number, days: number): DayBar[] {
  const sums = Array.from({ length: days }, (_, index) => {
    const date = new Date(now - (days - 1 - index) * DAY_MS).toISOString().slice(0, 10)
    const own = rows.filter((row) => row.date === date)
    return { date, ...sumOf(own) }
  })
  const most = sums.reduce((max, { costMsat }) => (costMsat > max ? costMsat : max), 0n)
  return sums.map((day) => ({
    ...day,
    share: most === 0n ? 0 : Number(day.costMsat) / Number(most),
  }))
}

export interface UsageSum {
  readonly requests: number
  readonly tokens: number
  readonly costMsat: bigint
}

export const sumOf = (rows: readonly UsageDay[]): UsageSum => ({
  requests: rows.reduce((sum, row) => sum + row.requests, 0),
  tokens: rows.reduce((sum, row) => sum + row.prompt_tokens + row.completion_tokens, 0),
  costMsat: rows.reduce((sum, row) => sum + BigInt(row.cost_msat), 0n),
})

/** What each model has cost, the dearest first. */
export function byModel(rows: readonly UsageDay[]): (UsageSum & { readonly model: string })[] {
  const models = [...new Set(rows.map(({ model }) => model))]
  return models
    .map((model) => ({ model, ...sumOf(rows.filter((row) => row.model === model)) }))
    .sort((one, other) => Number(other.costMsat - one.costMsat))
}
