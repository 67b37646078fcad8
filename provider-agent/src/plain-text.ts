/** Of one text in the log: more than any reason needs, and less than an engine's stack trace. */
const MAX_TEXT_CHARS = 4_000

/**
 * What moves a terminal's cursor, colours, renames or answers for it; what begins a line, so that one message
 * looks like two; and what shows letters in another order than they stand.
 */
const COMMANDS =
  // oxlint-disable-next-line no-control-regex
  /\u001B\[[0-9;:?]*[ -/]*[@-~]|\u001B\][^\u0007\u001B]*(?:\u0007|\u001B\\)|[\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/g

/** A text that an edge, an engine or a file has said, as one line that a terminal shows as it stands. */
export function plainText(text: string): string {
  const shown = text.length > MAX_TEXT_CHARS ? `${text.slice(0, MAX_TEXT_CHARS)}…` : text
  return shown.replaceAll(COMMANDS, ' ')
}

/** The same of every text in a value of plain objects and lists, however deep. */
export function plainTexts<T>(value: T): T
export function plainTexts(value: unknown): unknown {
  if (typeof value === 'string') return plainText(value)
  if (Array.isArray(value)) return value.map((item: unknown) => plainTexts(item))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plainTexts(item)]))
}

/** A message of our own, of several lines, with what others have said among them. */
export const plainLines = (text: string): string => text.split('\n').map(plainText).join('\n')

/**
 * JSON that a terminal shows as it stands: the controls that JSON does not escape by itself are escaped, too. In one
 * line, or with so many spaces before what is inside.
 */
export const plainJson = (value: unknown, spaces?: number): string =>
  JSON.stringify(value, null, spaces).replaceAll(
    /[\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
