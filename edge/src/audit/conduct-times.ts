import { CONDUCT_TIMES, type ConductTimes } from '@infernet/verification/reputation/conduct'

/** Longer than any of these, money would be held for a year. */
const MAX_HOURS = 24 * 366
const HOUR_MS = 3_600_000

export class ConductTimesError extends Error {
  override readonly name = 'ConductTimesError'
  readonly code = 'bad_conduct_times'
}

/**
 * How long suspensions, accusations and appeals last, as an operator writes it: hours, such as `72` or `0.5`.
 * What is absent is as documented. Throws {@link ConductTimesError}.
 */
export function parseConductTimes(hours: {
  readonly suspension?: string | undefined
  readonly accusation?: string | undefined
  readonly appeal?: string | undefined
}): ConductTimes {
  return {
    suspensionMs: msOf(hours.suspension, CONDUCT_TIMES.suspensionMs),
    accusationMs: msOf(hours.accusation, CONDUCT_TIMES.accusationMs),
    appealMs: msOf(hours.appeal, CONDUCT_TIMES.appealMs),
  }
}

function msOf(text: string | undefined, otherwise: number): number {
  if (text === undefined || text.trim() === '') return otherwise
  const hours = Number(text)
  if (!(hours >= 0 && hours <= MAX_HOURS))
    throw new ConductTimesError(`'${text}' is no number of hours from 0 to ${MAX_HOURS}`)
  return Math.round(hours * HOUR_MS)
}
