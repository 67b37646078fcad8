import { stripVTControlCharacters } from 'node:util'
import pc from 'picocolors'

/** Rows as text whose columns stand below each other; `right` are the columns that end together. */
export function columns(
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, widthOf(cell))
  }
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => {
        const gap = ' '.repeat((widths[at] ?? 0) - widthOf(cell))
        return right.has(at) ? gap + cell : cell + gap
      })
      .join('  ')
      .trimEnd()
  return rows.map(line).join('\n')
}

/** Rows of a name and its value, as a table. */
export const facts = (rows: readonly (readonly string[])[]): string =>
  columns(rows.map(([name = '', ...values]) => [pc.dim(name), ...values]))

/** Colours take no room. */
const widthOf = (text: string): number => [...stripVTControlCharacters(text)].length
