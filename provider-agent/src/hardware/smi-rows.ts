/** One line of `nvidia-smi --format=csv,noheader,nounits`: a field's name, and what it says. */
export type SmiRow = ReadonlyMap<string, string>

/**
 * Reads the lines that have all `fields`. Others are words about GPUs that cannot be asked. Where a
 * field says that it is not supported, or that the GPU is lost, it is absent.
 */
export function parseSmiRows(fields: readonly string[], stdout: string): SmiRow[] {
  return stdout.split('\n').flatMap((line) => {
    const cells = line.split(',').map((cell) => cell.trim())
    if (cells.length !== fields.length || cells.length < 2) return []
    const known = fields.map((field, i) => [field, cells[i] ?? ''] as const)
    return [new Map(known.filter(([, cell]) => says(cell)))]
  })
}

/** `[N/A]`, `[Not Supported]`, `[GPU is lost]`, `[GPU requires reset]` and their kin say nothing. */
const says = (cell: string): boolean => !/^(\[.*\]|N\/A|ERR!|Not Supported|)$/i.test(cell)

/** A number from 0 to `max` in `text`, rounded; undefined where there is none. */
export function wholeNumber(text: string | undefined, max: number): number | undefined {
  if (text === undefined || !/^\d{1,15}(\.\d+)?$/.test(text)) return undefined
  const value = Math.round(Number(text))
  return value <= max ? value : undefined
}
