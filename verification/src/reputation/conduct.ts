import { suspicionOf } from '../evidence/suspicion.ts'
import type { Wealth } from '../evidence/wealth.ts'
import { nextStanding, POWERS, StandingError, type Standing } from './standing.ts'

/** How long things last, ms. */
export interface ConductTimes {
  readonly suspensionMs: number
  /** For the operator's engine: an accusation that it does not confirm falls. */
  readonly accusationMs: number
  /** To appeal. A re-run by another trusted verifier then decides. */
  readonly appealMs: number
}

const HOUR_MS = 3_600_000
/** After a day the audits of what was under way are in, one way or the other; three are over any weekend. */
export const CONDUCT_TIMES: ConductTimes = {
  suspensionMs: 24 * HOUR_MS,
  accusationMs: 72 * HOUR_MS,
  appealMs: 72 * HOUR_MS,
}

/** A confirmed offence that can still be appealed against; its money is set aside, not moved. */
export interface Penalty {
  /** SHA-256 (hex) of the record: receipt, openings, the verifiers' logits, replay variant. */
  readonly evidence: string
  /** Until when it can be appealed against, Unix ms. */
  readonly appealUntil: number
  readonly isAppealed: boolean
}

/** What is known about a provider's conduct: one row. */
export interface Conduct {
  readonly standing: Standing
  /** When it got this standing, Unix ms. */
  readonly since: number
  /** Confirmed, and not undone by an appeal. */
  readonly offences: number
  /** While it is not final. */
  readonly penalty: Penalty | undefined
}

export type ConductEvent =
  | { readonly type: 'wealth'; readonly wealth: Wealth }
  | { readonly type: 'confirmed'; readonly evidence: string }
  | { readonly type: 'refuted' | 'appealed' | 'appeal_upheld' | 'appeal_denied' | 'time_passed' }

export const goodConduct = (now: number): Conduct => ({
  standing: 'clear',
  since: now,
  offences: 0,
  penalty: undefined,
})

/**
 * What follows from an event at `now` (Unix ms). After a slash, and after an accusation that was refuted or
 * fell, wealth starts anew. Throws {@link StandingError} on an illegal move: `too_early` for time that has
 * not passed, `no_appeal` for what cannot be appealed against (any more).
 */
export function nextConduct(
  conduct: Conduct,
  event: ConductEvent,
  now: number,
  times: ConductTimes = CONDUCT_TIMES,
): Conduct {
  switch (event.type) {
    case 'wealth':
      return moved(conduct, nextStanding(conduct.standing, suspicionOf(event.wealth)), now)
    case 'confirmed':
      return convicted(conduct, event.evidence, now + times.appealMs, now)
    case 'refuted':
      return moved(conduct, nextStanding(conduct.standing, 'refuted'), now)
    case 'appealed':
      return appealed(conduct, now)
    case 'appeal_upheld':
    case 'appeal_denied':
      return decided(conduct, event.type, now)
    case 'time_passed':
      return afterTime(conduct, now, times)
  }
}

/** When the standing ends if nothing happens, Unix ms; undefined while it lasts until something does. */
export function endsAt(
  { standing, since, penalty }: Conduct,
  times: ConductTimes = CONDUCT_TIMES,
): number | undefined {
  if (standing === 'suspended') return since + times.suspensionMs
  if (standing === 'accused') return since + times.accusationMs
  return penalty === undefined || penalty.isAppealed ? undefined : penalty.appealUntil
}

/** Whether what a provider has earned is released to it: also to one that is banned for good. */
export const isPaid = ({ standing, penalty }: Conduct): boolean =>
  POWERS[standing].isPaid || (standing === 'banned' && penalty === undefined)

function convicted(conduct: Conduct, evidence: string, appealUntil: number, now: number): Conduct {
  const event = conduct.offences === 0 ? 'confirmed' : 'repeated'
  return {
    standing: nextStanding(conduct.standing, event),
    since: now,
    offences: conduct.offences + 1,
    penalty: { evidence, appealUntil, isAppealed: false },
  }
}

function appealed(conduct: Conduct, now: number): Conduct {
  const { penalty } = conduct
  if (penalty === undefined) throw new StandingError('no_appeal', 'there is no open penalty')
  if (now >= penalty.appealUntil) throw new StandingError('no_appeal', 'the time to appeal is over')
  return { ...conduct, penalty: { ...penalty, isAppealed: true } }
}

function decided(conduct: Conduct, event: 'appeal_upheld' | 'appeal_denied', now: number): Conduct {
  const next = nextStanding(conduct.standing, event)
  if (conduct.penalty?.isAppealed !== true)
    throw new StandingError('no_appeal', 'nobody has appealed')
  const offences = conduct.offences - (event === 'appeal_upheld' ? 1 : 0)
  return { ...moved(conduct, next, now), offences, penalty: undefined }
}

function afterTime(conduct: Conduct, now: number, times: ConductTimes): Conduct {
  const next = nextStanding(conduct.standing, 'time_passed')
  const end = endsAt(conduct, times)
  if (end === undefined || now < end)
    throw new StandingError('too_early', `'${conduct.standing}' does not end yet`)
  return { ...moved(conduct, next, now), penalty: undefined }
}

const moved = (conduct: Conduct, standing: Standing, now: number): Conduct =>
  standing === conduct.standing ? conduct : { ...conduct, standing, since: now }
