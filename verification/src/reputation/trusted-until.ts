import { logRecentWealth, type Wealth } from '../evidence/wealth.ts'

/** e that honest requests reach by chance all the time: no reason to doubt the answers before. */
export const NOTEWORTHY = 3

/**
 * Until when a provider's answers are taken to be good, Unix ms: when the last job was answered whose audit
 * left no noteworthy evidence. What it has earned since is what a slash is about. `wealth` is after the audit
 * of a job that was answered at `answeredAt`.
 *
 * Between two audits lie 1/p jobs on average, so that κ times what they earned is at least κ·g·k/p, whatever
 * the provider's size and however rarely it cheats: more than it will have gained by then.
 */
export const trustedUntil = (before: number, wealth: Wealth, answeredAt: number): number =>
  logRecentWealth(wealth) <= Math.log(NOTEWORTHY) ? Math.max(before, answeredAt) : before
