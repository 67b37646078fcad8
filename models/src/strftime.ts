const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

const two = (value: number): string => String(value).padStart(2, '0')

/** What a letter behind `%` stands for; others stay as they are. */
const FIELDS: Readonly<Record<string, (at: Date) => string>> = {
  Y: (at) => String(at.getUTCFullYear()),
  m: (at) => two(at.getUTCMonth() + 1),
  d: (at) => two(at.getUTCDate()),
  B: (at) => MONTHS[at.getUTCMonth()] ?? '',
  b: (at) => (MONTHS[at.getUTCMonth()] ?? '').slice(0, 3),
  A: (at) => DAYS[at.getUTCDay()] ?? '',
  a: (at) => (DAYS[at.getUTCDay()] ?? '').slice(0, 3),
  H: (at) => two(at.getUTCHours()),
  M: (at) => two(at.getUTCMinutes()),
  S: (at) => two(at.getUTCSeconds()),
  '%': () => '%',
}

/** Python's `strftime` as far as chat templates use it: in UTC and English, the same on every machine. */
export const strftime = (at: Date, format: string): string =>
  format.replace(/%([a-zA-Z%])/g, (token, field: string) => FIELDS[field]?.(at) ?? token)
