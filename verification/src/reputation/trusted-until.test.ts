import { expect, it } from 'vitest'
import { nextWealth, STARTING_WEALTH } from '../evidence/wealth.ts'
import { trustedUntil } from './trusted-until.ts'

const GOOD = Math.log(0.1)
const BAD = Math.log(1000)

it('is when the last job was answered whose audit left nothing against its provider', () => {
  const calm = nextWealth(STARTING_WEALTH, GOOD)
  const suspect = nextWealth(calm, BAD)
  const still = nextWealth(suspect, GOOD)
  const audits = [calm, calm, suspect, still]
  const until = audits.reduce((before, wealth, hour) => trustedUntil(before, wealth, hour), -1)
  expect(until).toBe(1)
})

it('comes after a long honest time as after none', () => {
  const long = Array.from({ length: 1000 }).reduce(
    (wealth: typeof STARTING_WEALTH) => nextWealth(wealth, GOOD),
    STARTING_WEALTH,
  )
  expect(trustedUntil(7, nextWealth(long, BAD), 8)).toBe(7)
})

it('never goes back when audits come in late', () => {
  expect(trustedUntil(9, STARTING_WEALTH, 8)).toBe(9)
})
