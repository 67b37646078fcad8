export const DAY_MS = 86_400_000

/** The UTC day of a time (ms since the epoch), as days since the epoch. Budgets are per such a day. */
export const dayOf = (now: number): number => Math.floor(now / DAY_MS)

export const msToNextDay = (now: number): number => (dayOf(now) + 1) * DAY_MS - now
