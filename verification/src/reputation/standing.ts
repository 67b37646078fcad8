import type { Suspicion } from '../evidence/suspicion.ts'

/**
 * How a provider stands. `accused`: the evidence is enough, and the operator's own engine has to confirm it.
 * `slashed`: it was confirmed; the money is set aside until the appeal is over. `banned`: so it was again.
 */
export type Standing = 'clear' | 'watched' | 'suspended' | 'accused' | 'slashed' | 'banned'

export type StandingEvent =
  /** The evidence was looked at, and by itself would make it this. */
  | Suspicion
  /** The operator's engine says that it cheated, for the first time. */
  | 'confirmed'
  /** The same, of one that was slashed before. */
  | 'repeated'
  /** The operator's engine says that it did not. */
  | 'refuted'
  | 'appeal_upheld'
  | 'appeal_denied'
  /** Nothing happened for as long as the standing lasts at most. */
  | 'time_passed'

/**
 * What is absent is illegal. Only the operator's engine leads from evidence to a slash, and only from
 * `accused`; nobody stays suspended or accused because nobody has looked.
 */
export const STANDINGS: Record<Standing, Partial<Record<StandingEvent, Standing>>> = {
  clear: {
    clear: 'clear',
    watched: 'watched',
    suspended: 'suspended',
    accused: 'accused',
  },
  watched: {
    clear: 'clear',
    watched: 'watched',
    suspended: 'suspended',
    accused: 'accused',
  },
  suspended: {
    clear: 'clear',
    watched: 'watched',
    suspended: 'suspended',
    accused: 'accused',
    refuted: 'watched',
    time_passed: 'watched',
  },
  // Late audits change nothing here: what it is accused of is for the operator's engine.
  accused: {
    clear: 'accused',
    watched: 'accused',
    suspended: 'accused',
    accused: 'accused',
    confirmed: 'slashed',
    repeated: 'banned',
    refuted: 'watched',
    time_passed: 'watched',
  },
  slashed: {
    clear: 'slashed',
    watched: 'slashed',
    suspended: 'slashed',
    accused: 'slashed',
    appeal_upheld: 'clear',
    appeal_denied: 'watched',
    time_passed: 'watched',
  },
  // An appeal against the second slash does not undo the first.
  banned: {
    clear: 'banned',
    watched: 'banned',
    suspended: 'banned',
    accused: 'banned',
    appeal_upheld: 'watched',
    appeal_denied: 'banned',
    time_passed: 'banned',
  },
}

/** What a standing means for its provider; how much of it is audited is `auditRate`'s. */
export const POWERS: Record<Standing, { readonly takesJobs: boolean; readonly isPaid: boolean }> = {
  clear: { takesJobs: true, isPaid: true },
  watched: { takesJobs: true, isPaid: true },
  suspended: { takesJobs: false, isPaid: false },
  accused: { takesJobs: false, isPaid: false },
  slashed: { takesJobs: false, isPaid: false },
  // What was not slashed is its own all the same, once the slash is final; see `isPaid` of conduct.ts.
  banned: { takesJobs: false, isPaid: false },
}

export class StandingError extends Error {
  override readonly name = 'StandingError'
  readonly code: 'illegal_transition' | 'too_early' | 'no_appeal'

  constructor(code: StandingError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** The next standing. Throws {@link StandingError} `illegal_transition` on a move the table does not have. */
export function nextStanding(standing: Standing, event: StandingEvent): Standing {
  const next = STANDINGS[standing][event]
  if (next === undefined)
    throw new StandingError('illegal_transition', `'${event}' for a provider that is ${standing}`)
  return next
}
