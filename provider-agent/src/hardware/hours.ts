const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
const DAY_MINUTES = 24 * 60
const GROUPS: Readonly<Record<string, readonly number[]>> = {
  weekdays: [1, 2, 3, 4, 5],
  weekends: [6, 0],
}
/** Enough for each day of the week twice. */
const MAX_WINDOWS = 16

/** From a minute of these days until a later one, which may be on the next day. */
export interface Window {
  /** Days that it begins on; 0 is Sunday. */
  readonly days: ReadonlySet<number>
  /** Minutes since that day's midnight. */
  readonly from: number
  /** At most a day after `from`. */
  readonly to: number
}
/** When the owner lets others in: in any of these. */
export type Hours = readonly Window[]

/** A moment on the owner's clock. */
export interface LocalTime {
  /** 0 is Sunday. */
  readonly day: number
  /** Since midnight. */
  readonly minute: number
}

/** What the owner wrote cannot be read as hours. */
export class HoursError extends Error {
  override readonly name = 'HoursError'
  readonly code = 'hours'
}

/**
 * Reads `22:00-08:00,weekends`: parts with commas between them, each of which is days (`mon`,
 * `mon-fri`, `weekdays`, `weekends`), times, or days and times with a space between. Times without
 * days are of every day, days without times are whole. Throws {@link HoursError}.
 */
export function parseHours(text: string): Hours {
  const parts = text.toLowerCase().split(',')
  if (parts.length > MAX_WINDOWS) throw new HoursError(`--hours takes ${MAX_WINDOWS} parts at most`)
  return parts.map((part) => parseWindow(part.trim()))
}

function parseWindow(part: string): Window {
  const words = part.split(/\s+/)
  const times = words.length <= 2 ? parseTimes(words.at(-1) ?? '') : undefined
  const named = times === undefined ? words : words.slice(0, -1)
  const days = named.length === 0 ? DAYS.map((_, day) => day) : parseDays(named.join(' '))
  if (days === undefined || (times === undefined && words.length !== 1)) {
    throw new HoursError(
      `cannot read '${part.slice(0, 40)}' as hours: write 22:00-08:00, weekends, mon-fri or sat 10:00-14:00`,
    )
  }
  return { days: new Set(days), ...(times ?? { from: 0, to: DAY_MINUTES }) }
}

function parseDays(text: string): readonly number[] | undefined {
  const group = GROUPS[text]
  if (group !== undefined) return group
  const [first, last, more] = text.split('-').map((name) => DAYS.findIndex((day) => day === name))
  if (first === undefined || first < 0 || last === -1 || more !== undefined) return undefined
  const length = last === undefined ? 1 : ((last - first + 7) % 7) + 1
  return Array.from({ length }, (_, i) => (first + i) % 7)
}

function parseTimes(text: string): Pick<Window, 'from' | 'to'> | undefined {
  const found = /^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$/.exec(text)
  if (found === null) return undefined
  const [fromHour = 0, fromMinute = 0, toHour = 0, toMinute = 0] = found.slice(1).map(Number)
  const from = fromHour * 60 + fromMinute
  const to = toHour * 60 + toMinute
  const isTime = fromMinute < 60 && toMinute < 60 && from < DAY_MINUTES && to <= DAY_MINUTES
  if (!isTime) throw new HoursError(`'${text}' has a time that no clock shows`)
  if (from === to) throw new HoursError(`'${text}' ends when it begins: name days for whole days`)
  return { from, to: to > from ? to : to + DAY_MINUTES }
}

/** Whether it is in one of `hours`. A window that goes beyond midnight is of the day it began on. */
export function isOpenAt(hours: Hours, { day, minute }: LocalTime): boolean {
  const yesterday = (day + 6) % 7
  return hours.some(({ days, from, to }) => {
    if (days.has(day) && minute >= from && minute < to) return true
    return days.has(yesterday) && minute + DAY_MINUTES < to
  })
}

/** The owner's clock at `now`, ms since the epoch. */
export function localTimeOf(now: number): LocalTime {
  const date = new Date(now)
  return { day: date.getDay(), minute: date.getHours() * 60 + date.getMinutes() }
}
