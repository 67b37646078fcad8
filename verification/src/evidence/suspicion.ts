import { logRecentWealth, logWealth, type Wealth } from './wealth.ts'

/**
 * What the audits of a provider and spec make of it. `watched`: all its requests are audited. `suspended`: it gets no new
 * ones. `accused`: what it holds is at stake, once a second verifier confirms.
 */
export type Suspicion = 'clear' | 'watched' | 'suspended' | 'accused'

interface Step {
  readonly suspicion: Suspicion
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
  { suspicion: 'accused', lifetime: 1e4, recent: Infinity },
  { suspicion: 'suspended', lifetime: 100, recent: 1e6 },
  { suspicion: 'watched', lifetime: 10, recent: 1e3 },
]

export function suspicionOf(wealth: Wealth): Suspicion {
  const lifetime = logWealth(wealth)
  const recent = logRecentWealth(wealth)
  const step = LADDER.find(
    (step) => lifetime >= Math.log(step.lifetime) || recent >= Math.log(step.recent),
  )
  return step?.suspicion ?? 'clear'
}
