import { describe, expect, it } from 'vitest'
import { STARTING_WEALTH } from '../evidence/wealth.ts'
import {
  CONDUCT_TIMES,
  endsAt,
  goodConduct,
  isPaid,
  nextConduct,
  type Conduct,
  type ConductEvent,
} from './conduct.ts'

const {
  accusationMs: ACCUSATION_MS,
  appealMs: APPEAL_MS,
  suspensionMs: SUSPENSION_MS,
} = CONDUCT_TIMES
const NOW = Date.UTC(2026, 9, 20)
/** A lifetime's e-value. */
const wealth = (value: number): ConductEvent => {
  const log = Math.log(value)
  return { type: 'wealth', wealth: { ...STARTING_WEALTH, lifetime: [log, log, log] } }
}
const CONFIRMED: ConductEvent = { type: 'confirmed', evidence: 'e1' }

/** What follows from events, each 1 ms after the one before; the last of them at `NOW + n - 1`. */
const after = (...events: ConductEvent[]) =>
  events.reduce((conduct, event, i) => nextConduct(conduct, event, NOW + i), goodConduct(NOW))

const accused = after(wealth(20_000))
const slashed = after(wealth(1e9), CONFIRMED)
const released = nextConduct(slashed, { type: 'time_passed' }, NOW + 1 + APPEAL_MS)
const banned = [wealth(20_000), CONFIRMED].reduce<Conduct>(
  (conduct, event) => nextConduct(conduct, event, NOW + 2 * APPEAL_MS),
  released,
)
const codeOf = (act: () => unknown) => {
  try {
    act()
  } catch (error) {
    return (error as { code?: string }).code
  }
  return undefined
}

describe('wealth', () => {
  it.each([
    [0.1, 'clear'],
    [11, 'watched'],
    [101, 'suspended'],
    [10_001, 'accused'],
  ])('of %s makes a provider %s', (value, standing) => {
    expect(after(wealth(value)).standing).toBe(standing)
  })

  it('that stays in its band leaves the time as it was', () => {
    expect(after(wealth(20), wealth(30)).since).toBe(NOW)
  })

  it('that falls clears who was watched or suspended', () => {
    expect(after(wealth(20), wealth(1)).standing).toBe('clear')
    expect(after(wealth(200), wealth(1)).standing).toBe('clear')
  })
})

describe('time', () => {
  it.each([
    ['a suspension', after(wealth(200)), NOW + SUSPENSION_MS],
    ['an accusation', accused, NOW + ACCUSATION_MS],
    ['a slash', slashed, NOW + 1 + APPEAL_MS],
  ])('ends %s, and not before', (_, conduct, end) => {
    expect(endsAt(conduct)).toBe(end)
    expect(codeOf(() => nextConduct(conduct, { type: 'time_passed' }, end - 1))).toBe('too_early')
    expect(nextConduct(conduct, { type: 'time_passed' }, end).standing).toBe('watched')
  })

  it('does not lift a ban', () => {
    const later = nextConduct(banned, { type: 'time_passed' }, NOW + 3 * APPEAL_MS)
    expect(later).toMatchObject({ standing: 'banned', penalty: undefined })
    expect(endsAt(later)).toBeUndefined()
    expect(codeOf(() => nextConduct(later, { type: 'time_passed' }, NOW * 2))).toBe('too_early')
  })
})

describe('a penalty', () => {
  it('keeps its evidence and can be appealed against for 72 h', () => {
    expect(slashed).toMatchObject({
      standing: 'slashed',
      offences: 1,
      penalty: { evidence: 'e1', appealUntil: NOW + 1 + 72 * 3_600_000 },
    })
    const { appealUntil } = slashed.penalty!
    const appeal: ConductEvent = { type: 'appealed' }
    expect(nextConduct(slashed, appeal, appealUntil - 1).penalty?.isAppealed).toBe(true)
    expect(codeOf(() => nextConduct(slashed, appeal, appealUntil))).toBe('no_appeal')
    expect(codeOf(() => nextConduct(accused, appeal, NOW))).toBe('no_appeal')
  })

  it('does not become final while an appeal is open', () => {
    const appealing = nextConduct(slashed, { type: 'appealed' }, NOW + 2)
    expect(endsAt(appealing)).toBeUndefined()
    expect(codeOf(() => nextConduct(appealing, { type: 'time_passed' }, NOW * 2))).toBe('too_early')
  })

  it('is undone by an appeal that is upheld, and stays when it is denied', () => {
    const appealing = nextConduct(slashed, { type: 'appealed' }, NOW + 2)
    expect(nextConduct(appealing, { type: 'appeal_upheld' }, NOW + 3)).toEqual({
      standing: 'clear',
      since: NOW + 3,
      offences: 0,
      penalty: undefined,
    })
    expect(nextConduct(appealing, { type: 'appeal_denied' }, NOW + 3)).toMatchObject({
      standing: 'watched',
      offences: 1,
      penalty: undefined,
    })
  })

  it('is not decided on without an appeal', () => {
    expect(codeOf(() => nextConduct(slashed, { type: 'appeal_upheld' }, NOW + 2))).toBe('no_appeal')
  })

  it('is a ban the second time, and one offence again if that is undone', () => {
    expect(banned).toMatchObject({ standing: 'banned', offences: 2 })
    const appealing = nextConduct(banned, { type: 'appealed' }, NOW + 2 * APPEAL_MS + 1)
    const undone = nextConduct(appealing, { type: 'appeal_upheld' }, NOW + 2 * APPEAL_MS + 2)
    expect(undone).toMatchObject({ standing: 'watched', offences: 1, penalty: undefined })
  })
})

describe('earnings', () => {
  it('are released to who is clear, watched, or banned for good', () => {
    const final = nextConduct(banned, { type: 'time_passed' }, NOW + 3 * APPEAL_MS)
    expect([goodConduct(NOW), after(wealth(20)), released, final].map(isPaid)).toEqual([
      true,
      true,
      true,
      true,
    ])
  })

  it('stay where they are while anything is open', () => {
    expect([after(wealth(200)), accused, slashed, banned].map(isPaid)).toEqual([
      false,
      false,
      false,
      false,
    ])
  })

  it('stay after an accusation that was refuted only as long as wealth says so', () => {
    expect(nextConduct(accused, { type: 'refuted' }, NOW + 1).standing).toBe('watched')
  })
})
