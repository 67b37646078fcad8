import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HoursError, isOpenAt, localTimeOf, parseHours } from './hours.ts'

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
/** `fri 23:30` as a moment. */
const at = (text: string) => {
  const [day = '', time = ''] = text.split(' ')
  const [hour = 0, minute = 0] = time.split(':').map(Number)
  return { day: DAYS.indexOf(day), minute: hour * 60 + minute }
}
const anyMoment = fc.record({
  day: fc.integer({ min: 0, max: 6 }),
  minute: fc.integer({ min: 0, max: 1439 }),
})
const clock = (minute: number) =>
  `${Math.floor(minute / 60)}:${String(minute % 60).padStart(2, '0')}`

describe('hours', () => {
  it.each([
    ['22:00-08:00,weekends', 'mon 21:59', false],
    ['22:00-08:00,weekends', 'mon 22:00', true],
    ['22:00-08:00,weekends', 'tue 07:59', true],
    ['22:00-08:00,weekends', 'tue 08:00', false],
    ['22:00-08:00,weekends', 'sat 12:00', true],
    ['22:00-08:00,weekends', 'sun 23:59', true],
    ['fri 22:00-08:00', 'sat 07:59', true],
    ['fri 22:00-08:00', 'fri 07:59', false],
    ['sat 22:00-02:00', 'sun 01:00', true],
    ['mon-fri 09:00-17:00', 'fri 16:59', true],
    ['mon-fri 09:00-17:00', 'sat 10:00', false],
    ['fri-mon', 'sun 00:00', true],
    ['fri-mon', 'tue 00:00', false],
    ['weekdays', 'mon 00:00', true],
    ['weekdays', 'sun 23:59', false],
    [' Sat  10:00-24:00 , wed', 'sat 23:59', true],
    [' Sat  10:00-24:00 , wed', 'wed 00:00', true],
    ['0:00-24:00', 'thu 13:00', true],
  ])('%s at %s: %s', (hours, moment, isOpen) => {
    expect(isOpenAt(parseHours(hours), at(moment))).toBe(isOpen)
  })

  it.each([
    '',
    'never',
    '22:00',
    '22:00-22:00',
    '25:00-08:00',
    '22:60-08:00',
    '24:00-08:00',
    'mon tue',
    'mon-',
    'mon-tue-wed',
    'mon 10:00-12:00 fri',
    '22:00-08:00,',
    Array.from({ length: 17 }, () => 'mon').join(','),
  ])("does not read '%s'", (text) => {
    expect(() => parseHours(text)).toThrow(HoursError)
  })

  it('are open exactly when the hours around them are shut', () => {
    const minutes = fc.uniqueArray(fc.integer({ min: 0, max: 1439 }), {
      minLength: 2,
      maxLength: 2,
    })
    fc.assert(
      fc.property(minutes, anyMoment, ([from = 0, to = 0], moment) => {
        const day = isOpenAt(parseHours(`${clock(from)}-${clock(to)}`), moment)
        const night = isOpenAt(parseHours(`${clock(to)}-${clock(from)}`), moment)
        expect(day).toBe(!night)
      }),
    )
  })

  it('are those of the owner’s own clock', () => {
    const noon = new Date(2026, 6, 4, 12, 34)
    expect(localTimeOf(noon.getTime())).toEqual({ day: noon.getDay(), minute: 12 * 60 + 34 })
  })
})
