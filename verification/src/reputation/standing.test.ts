import { describe, expect, it } from 'vitest'
import {
  nextStanding,
  STANDINGS,
  StandingError,
  type Standing,
  type StandingEvent,
} from './standing.ts'

const EVENTS: StandingEvent[] = [
  'clear',
  'watched',
  'suspended',
  'accused',
  'confirmed',
  'repeated',
  'refuted',
  'appeal_upheld',
  'appeal_denied',
  'time_passed',
]

/** Written out once more, event by event in the order above; `-` is illegal. */
const EXPECTED: Record<Standing, string> = {
  clear: 'clear watched suspended accused - - - - - -',
  watched: 'clear watched suspended accused - - - - - -',
  suspended: 'clear watched suspended accused - - watched - - watched',
  accused: 'accused accused accused accused slashed banned watched - - watched',
  slashed: 'slashed slashed slashed slashed - - - clear watched watched',
  banned: 'banned banned banned banned - - - watched banned banned',
}

const pairs = (Object.keys(EXPECTED) as Standing[]).flatMap((standing) =>
  EXPECTED[standing]
    .split(' ')
    .map((next, i) => [standing, EVENTS[i]!, next] as [Standing, StandingEvent, string]),
)

describe('a provider', () => {
  it.each(pairs)('that is %s, on %s: %s', (standing, event, next) => {
    if (next === '-') expect(() => nextStanding(standing, event)).toThrow(StandingError)
    else expect(nextStanding(standing, event)).toBe(next)
  })

  it('knows no standing or event beyond these', () => {
    expect(pairs).toHaveLength(Object.keys(STANDINGS).length * EVENTS.length)
    for (const row of Object.values(STANDINGS))
      expect(EVENTS).toEqual(expect.arrayContaining(Object.keys(row)))
  })

  it('is slashed and banned by the operator’s engine only, and only when accused', () => {
    for (const [standing, event, next] of pairs) {
      if (next !== 'slashed' && next !== 'banned') continue
      if (standing === next) continue
      expect([standing, event === 'confirmed' || event === 'repeated']).toEqual(['accused', true])
    }
  })
})
