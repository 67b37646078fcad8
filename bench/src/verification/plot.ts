import type { AttackRow } from './experiment.ts'
import { JUDGED_NOISE } from './setup.ts'

/** Tokens at the left and right edge. */
const FIRST = 1
const LAST = 10_000
const WIDTH = 60

/**
 * Tokens to detection on a logarithmic scale, in plain characters: `o` in half, `x` in nine of ten cases,
 * `>` where that is more than was made.
 */
export function plot(rows: readonly AttackRow[]): string {
  const label = Math.max(...rows.map((row) => labelOf(row).length))
  const ticks = [1, 10, 100, 1_000, 10_000]
  const axis = Array.from({ length: WIDTH + 1 }, () => ' ')
  for (const tick of ticks) {
    const text = `${tick}`
    const at = Math.min(columnOf(tick), WIDTH + 1 - text.length)
    axis.splice(at, text.length, ...text)
  }
  return [
    ...rows.map((row) => `${labelOf(row).padEnd(label)} |${lineOf(row)}|`),
    `${' '.repeat(label)}  ${axis.join('').trimEnd()}`,
  ].join('\n')
}

const labelOf = ({ id, name }: AttackRow): string => `${id} ${name}`

function lineOf({ figures }: AttackRow): string {
  const { median, ninetieth } = figures.tokens[JUDGED_NOISE]
  const line = Array.from({ length: WIDTH + 1 }, () => ' ')
  const [from, to] = [columnOf(median), columnOf(ninetieth)]
  line.fill('-', from, to + 1)
  line[to] = ninetieth > LAST ? '>' : 'x'
  line[from] = median > LAST ? '>' : 'o'
  return line.join('')
}

function columnOf(tokens: number): number {
  const share = Math.log(Math.min(tokens, LAST) / FIRST) / Math.log(LAST / FIRST)
  return Math.round(Math.max(0, share) * WIDTH)
}
