import { logRecentWealth, logWealth, type Wealth } from './wealth.ts'

/**
 * How a provider stands for one spec. `watched`: all its requests are audited. `suspended`: it gets no new
 * ones. `accused`: what it holds is at stake, once a second verifier confirms.
 */
export type Standing = 'clear' | 'watched' | 'suspended' | 'accused'

interface Step {
  readonly standing: Standing
  /** 1/α: of honest providers a share of at most α ever gets here by the evidence of their lifetime. */
  readonly lifetime: number
  /**
   * An honest provider gets here by recent evidence once in so many audited requests, or less often. That
   * happens to everyone in the end, so it is a reason to look, and never accuses.
   */
  readonly recent: number
}

/** Gravest first. */
const LADDER: readonly Step[] = [
  { standing: 'accused', lifetime: 1e4, recent: Infinity },
  { standing: 'suspended', lifetime: 100, recent: 1e6 },
  { standing: 'watched', lifetime: 10, recent: 1e3 },
]

export function standingOf(wealth: Wealth): Standing {
  const lifetime = logWealth(wealth)
  const recent = logRecentWealth(wealth)
  const step = LADDER.find(
    (step) => lifetime >= Math.log(step.lifetime) || recent >= Math.log(step.recent),
  )
  return step?.standing ?? 'clear'
}
