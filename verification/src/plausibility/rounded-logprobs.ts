import type { Position } from '@infernet/schemas/transcript'
import { reporter, type Check } from './finding.ts'

const found = reporter('rounded_logprobs')

/** Between these, half precision has at least 1,024 values per octave, and decimals stay apart from them. Nats. */
const LEAST = 1 / 16
const MOST = 2

/** Enough to tell; more would repeat themselves even when honest, there being only 5,120 values. */
const SAMPLE = 512

/** Two decimals, and six binary digits. */
const GRIDS = [1 / 100, 1 / 64]

/** Half the step of half precision below `MOST`: how far storage moves a value off its grid. */
const OFF_GRID = 2 ** -11

/** Of honest values, at most a tenth lies on a grid. */
const ON_GRID_SHARE = 0.95

/** Of honest values, few repeat. */
const DISTINCT_SHARE = 0.25

/**
 * The logprobs have the digits that an engine computes: rounding hides small differences from the audit. Judged
 * are moderate values only, and nothing where too few of them are there, as for a very sure model.
 */
export const roundedLogprobs: Check = ({ positions }, { roundingSample }) => {
  const values = moderateValues(positions)
  if (values.length < roundingSample) return []
  const grid = GRIDS.find((step) => shareOnGrid(values, step) >= ON_GRID_SHARE)
  if (grid !== undefined)
    return [found.suspicious(`${values.length} logprobs on a grid of ${grid.toFixed(4)} nats`)]
  const distinct = new Set(values).size
  return distinct <= values.length * DISTINCT_SHARE
    ? [found.suspicious(`${distinct} different values among ${values.length} logprobs`)]
    : []
}

/** Negated. A token's same logprob again counts once: an answer that goes round in circles has such. */
function moderateValues(positions: readonly Position[]): number[] {
  const values = new Map<string, number>()
  for (const { top } of positions)
    for (const { id, logprob } of top) {
      if (-logprob > LEAST && -logprob < MOST) values.set(`${id} ${logprob}`, -logprob)
      if (values.size >= SAMPLE) return [...values.values()]
    }
  return [...values.values()]
}

function shareOnGrid(values: readonly number[], step: number): number {
  const on = values.filter((value) => Math.abs(value - Math.round(value / step) * step) <= OFF_GRID)
  return on.length / values.length
}
