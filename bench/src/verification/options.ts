import { parseArgs } from 'node:util'
import { BadOption } from '../options.ts'
import { FULL_BUDGET, QUICK_BUDGET, type Budget } from './budget.ts'

/** What to run. */
export interface Options {
  readonly budget: Budget
  readonly isQuick: boolean
  /** Print JSON in place of the report. */
  readonly isJson: boolean
  readonly seed: number
}

const DEFAULT_SEED = 1

/**
 * Reads `--quick --json --seed N`.
 * @throws {BadOption} for anything else
 */
export function parseOptions(args: readonly string[]): Options {
  const { quick, json, seed } = readArgs(args)
  const number = seed === undefined ? DEFAULT_SEED : Number(seed)
  if (!Number.isInteger(number) || number < 0 || number >= 2 ** 32)
    throw new BadOption('--seed takes a whole number below 2^32')
  return { budget: quick ? QUICK_BUDGET : FULL_BUDGET, isQuick: quick, isJson: json, seed: number }
}

function readArgs(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        seed: { type: 'string' },
      },
    }).values
  } catch (error) {
    throw new BadOption(error instanceof Error ? error.message : String(error))
  }
}
