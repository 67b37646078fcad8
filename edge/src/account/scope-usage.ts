import type { RateWindows, ScopeUsage, SpendLimits } from '../ports.ts'
import type { Spend } from './spend.ts'

/** What a key or an account uses of its limits; `spend` is undefined when nobody counts it. */
export function scopeUsage(
  limits: SpendLimits,
  spend: Spend | undefined,
  rates: RateWindows,
): ScopeUsage {
  const budget = limits.budgetMsatPerDay
  return {
    limits,
    spentTodayMsat: spend?.spent ?? null,
    reservedMsat: spend?.reserved ?? null,
    openHolds: spend?.openHolds ?? null,
    budgetLeftMsat:
      budget === null || spend === undefined
        ? null
        : Math.max(0, budget - spend.spent - spend.reserved),
    ...rates,
  }
}
