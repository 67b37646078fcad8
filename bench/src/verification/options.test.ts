import { describe, expect, it } from 'vitest'
import { FULL_BUDGET, QUICK_BUDGET } from './budget.ts'
import { parseOptions } from './options.ts'

describe('options of the verification bench', () => {
  it('has defaults', () => {
    expect(parseOptions([])).toEqual({
      budget: FULL_BUDGET,
      isQuick: false,
      isJson: false,
      seed: 1,
    })
    const quick = { budget: QUICK_BUDGET, isQuick: true, isJson: true, seed: 7 }
    expect(parseOptions(['--quick', '--json', '--seed', '7'])).toEqual(quick)
  })

  it.each([['--seed', 'x'], ['--seed', '-1'], ['--slow'], ['all']])('refuses %j', (...args) => {
    expect(() => parseOptions(args)).toThrow(expect.objectContaining({ code: 'bad_option' }))
  })
})
