import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decidePayout, feeLimit, type Payable, type PayoutPolicy } from './payout-policy.ts'

const NOW = Date.UTC(2026, 0, 1)
const DAY_MS = 86_400_000
const policy: PayoutPolicy = {
  when: 'threshold',
  thresholdMsat: 1_000_000n,
  maxAgeMs: DAY_MS,
  dailyCapMsat: 50_000_000n,
}
const payable: Payable = {
  amountMsat: 1_000_000n,
  oldestAt: NOW,
  destinationMinimumMsat: 1n,
  sentTodayMsat: 0n,
  inFlight: false,
}
const decide = (change: Partial<Payable>, rules: Partial<PayoutPolicy> = {}) => {
  const decision = decidePayout({ ...policy, ...rules }, { ...payable, ...change }, NOW)
  return decision.pay ? decision.amountMsat : decision.reason
}

describe('what a payee is owed', () => {
  it.each([
    ['from the threshold on', {}, {}, 1_000_000n],
    ['not below it', { amountMsat: 999_999n }, {}, 'waiting'],
    ['below it when it is old', { amountMsat: 1000n, oldestAt: NOW - DAY_MS }, {}, 1000n],
    ['not a moment before', { amountMsat: 1000n, oldestAt: NOW - DAY_MS + 1 }, {}, 'waiting'],
    ['not dust, however old', { amountMsat: 999n, oldestAt: 0 }, {}, 'waiting'],
    ['to the last msat at once', { amountMsat: 1n }, { when: 'at_once' }, 1n],
    ['not without anything', { amountMsat: 0n }, { when: 'at_once' }, 'nothing'],
    ['one at a time', { inFlight: true }, {}, 'in_flight'],
    ['not below its minimum', { destinationMinimumMsat: 1_000_001n }, {}, 'below_minimum'],
    ['up to the cap', { amountMsat: 9n, sentTodayMsat: 49_999_995n }, { when: 'at_once' }, 5n],
    ['not above it', { sentTodayMsat: 50_000_000n }, {}, 'daily_cap'],
    [
      'not when the cap leaves less than its minimum',
      { sentTodayMsat: 49_999_995n, destinationMinimumMsat: 6n },
      {},
      'daily_cap',
    ],
  ] as const)('is paid %s', (_, change, rules, expected) => {
    expect(decide(change, rules)).toBe(expected)
  })

  const amount = fc.bigInt({ min: 0n, max: 10n ** 12n })
  const anyPolicy = fc.record({
    when: fc.constantFrom('at_once', 'threshold'),
    thresholdMsat: amount,
    maxAgeMs: fc.nat(7 * DAY_MS),
    dailyCapMsat: amount,
  })
  const anyPayable = fc.record({
    amountMsat: amount,
    oldestAt: fc.integer({ min: NOW - 8 * DAY_MS, max: NOW }),
    destinationMinimumMsat: amount,
    sentTodayMsat: amount,
    inFlight: fc.boolean(),
  })

  it('is never more than is owed or the cap leaves, never less than its destination takes', () => {
    fc.assert(
      fc.property(anyPolicy, anyPayable, (rules, owed) => {
        const decision = decidePayout(rules, owed, NOW)
        if (!decision.pay) return
        expect(owed.inFlight).toBe(false)
        expect(decision.amountMsat).toBeGreaterThan(0n)
        expect(decision.amountMsat).toBeLessThanOrEqual(owed.amountMsat)
        expect(decision.amountMsat).toBeGreaterThanOrEqual(owed.destinationMinimumMsat)
        expect(decision.amountMsat + owed.sentTodayMsat).toBeLessThanOrEqual(rules.dailyCapMsat)
        expect(decision.feeLimitMsat).toBe(feeLimit(decision.amountMsat))
      }),
    )
  })

  it('stays due when it becomes more or older', () => {
    fc.assert(
      fc.property(anyPolicy, anyPayable, amount, fc.nat(DAY_MS), (rules, owed, more, later) => {
        if (!decidePayout(rules, owed, NOW).pay) return
        const grown = { ...owed, amountMsat: owed.amountMsat + more }
        expect(decidePayout(rules, grown, NOW + later).pay).toBe(true)
      }),
    )
  })

  it('is not kept for longer than its age, where nothing forbids it', () => {
    fc.assert(
      fc.property(anyPolicy, anyPayable, (rules, owed) => {
        const free = { ...owed, inFlight: false, destinationMinimumMsat: 1n, sentTodayMsat: 0n }
        if (free.amountMsat < 1000n || rules.dailyCapMsat === 0n) return
        expect(decidePayout(rules, free, free.oldestAt + rules.maxAgeMs).pay).toBe(true)
      }),
    )
  })
})

it('pays at most 1 sat or 0.5 % for routing', () => {
  expect([1n, 200_000n, 200_199n, 200_200n, 10n ** 9n].map(feeLimit)).toEqual([
    1000n,
    1000n,
    1000n,
    1001n,
    5_000_000n,
  ])
})
