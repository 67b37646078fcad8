import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { MAX_SELF_TESTS, SELF_TEST_INTERVAL_MS, SELF_TESTS_PER_DAY } from './self-test-limits.ts'
import { SelfTestPace } from './self-test-pace.ts'

const DAY_MS = 24 * 60 * 60 * 1000

it('never tests a provider too soon, nor too often in a day, and whoever waits as told may come', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.integer({ min: 0, max: 30_000 })), {
    maxLength: 400,
  })
  fc.assert(
    fc.property(steps, fc.boolean(), (asked, isPatient) => {
      const pace = new SelfTestPace()
      const begun: { readonly peer: string; readonly at: number }[] = []
      let now = 20_000 * DAY_MS
      for (const [peer, ms] of asked) {
        now += ms
        const waitMs = pace.begin(peer, now)
        if (waitMs > 0 && !isPatient) continue
        if (waitMs > 0) expect(pace.begin(peer, (now += waitMs))).toBe(0)
        begun.push({ peer, at: now })
        pace.end(peer)
      }
      for (const peer of ['a', 'b']) {
        const own = begun.filter((one) => one.peer === peer).map(({ at }) => at)
        const gaps = own.slice(1).map((at, i) => at - own[i]!)
        expect(Math.min(...gaps, SELF_TEST_INTERVAL_MS)).toBe(SELF_TEST_INTERVAL_MS)
        const days = Map.groupBy(own, (at) => Math.floor(at / DAY_MS))
        for (const tests of days.values())
          expect(tests.length).toBeLessThanOrEqual(SELF_TESTS_PER_DAY)
      }
    }),
    { numRuns: 50 },
  )
})

it('counts by the day, and begins anew with the next', () => {
  const pace = new SelfTestPace()
  const day = 20_000 * DAY_MS
  for (let n = 0; n < SELF_TESTS_PER_DAY; n++) {
    expect(pace.begin('a', day + n * SELF_TEST_INTERVAL_MS)).toBe(0)
    pace.end('a')
  }
  const later = day + DAY_MS / 2
  expect(pace.begin('a', later)).toBe(DAY_MS / 2)
  expect(pace.begin('b', later)).toBe(0)
  expect(pace.begin('a', day + DAY_MS)).toBe(0)
})

it('runs one of a provider at a time, and a bounded number of all', () => {
  const pace = new SelfTestPace()
  expect(pace.begin('0', 0)).toBe(0)
  expect(pace.begin('0', DAY_MS)).toBe(SELF_TEST_INTERVAL_MS)
  for (let n = 1; n < MAX_SELF_TESTS; n++) expect(pace.begin(String(n), 0)).toBe(0)
  expect(pace.begin('one more', 0)).toBe(SELF_TEST_INTERVAL_MS)
  pace.end('0')
  expect(pace.begin('one more', 0)).toBe(0)
})
