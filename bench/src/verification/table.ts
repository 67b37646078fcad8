/** A Markdown table. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

/** With groups of three digits; `never` for Infinity. */
export function number(value: number): string {
  if (value === Infinity) return 'never'
  if (Number.isNaN(value)) return 'not measured'
  return value.toLocaleString('en-US', { maximumFractionDigits: 3 })
}

/** A share, to the digit that matters. */
export function percent(share: number): string {
  const value = 100 * share
  return `${Number(value.toPrecision(3))} %`
}
