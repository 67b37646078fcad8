/** What marks a stamp inside a chunk's content; it needs no escape in JSON and is not in our prompts. */
const MARK = '@@'

/** Digits of a stamp: enough for 300 years of microseconds. */
const DIGITS = 16

/** Writes the time a chunk left the engine as its content. */
export function stampText(micros: number): string {
  return MARK + String(micros).padStart(DIGITS, '0')
}

/** Calls `visit` with every stamp in `text`, in order. The text must not end inside a stamp. */
export function visitStamps(text: string, visit: (micros: number) => void): void {
  let at = text.indexOf(MARK)
  while (at !== -1) {
    const start = at + MARK.length
    const micros = Number(text.slice(start, start + DIGITS))
    if (Number.isSafeInteger(micros)) visit(micros)
    at = text.indexOf(MARK, start)
  }
}
