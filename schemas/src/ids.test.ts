import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  isAccountId,
  isJobId,
  isLeaseId,
  leaseOf,
  newAccountId,
  newJobId,
  newRequestId,
} from './ids.ts'

const NOW = 1_767_312_000_000
const HEX = '0'.repeat(32)
const anyTime = fc.nat(2 ** 48 - 1)

describe.each([
  ['account', 'acct', newAccountId],
  ['job', 'job', newJobId],
  ['request', 'req', newRequestId],
] as const)('an id of a new %s', (_noun, prefix, newId) => {
  it('is its prefix and 32 hex digits', () => {
    fc.assert(
      fc.property(anyTime, (now) => {
        expect(newId(now)).toMatch(new RegExp(`^${prefix}_[0-9a-f]{32}$`))
      }),
    )
  })

  it('sorts by time', () => {
    fc.assert(
      fc.property(anyTime, anyTime, (a, b) => {
        fc.pre(a !== b)
        expect(newId(a) < newId(b)).toBe(a < b)
      }),
    )
  })

  it('is unique within a millisecond', () => {
    const ids = Array.from({ length: 10_000 }, () => newId(NOW))
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('validators', () => {
  const account = newAccountId(NOW)
  const job = newJobId(NOW)
  const lease = leaseOf(job, 1)

  it.each([
    ['isAccountId', isAccountId, account],
    ['isJobId', isJobId, job],
    ['isLeaseId', isLeaseId, lease],
  ] as const)('%s takes its own ids only', (_name, isId, own) => {
    for (const id of [account, job, lease, newRequestId(NOW)]) {
      expect(isId(id), id).toBe(id === own)
    }
    for (const text of [
      '',
      own.slice(1),
      own.slice(0, -1),
      `${own}00`,
      `${own}\n`,
      ` ${own}`,
      own.toUpperCase(),
      own.replace('_', '-'),
      own.replace(/[0-9a-f]{32}/, `${HEX}0`),
      own.replace(/[0-9a-f]{32}/, 'g'.repeat(32)),
    ]) {
      expect(isId(text), text).toBe(false)
    }
  })

  it('know leases of attempts 1 to 99', () => {
    for (let attempt = 1; attempt <= 99; attempt++) {
      expect(isLeaseId(leaseOf(job, attempt))).toBe(true)
    }
    for (const attempt of [-1, 0, 100, 1.5]) expect(isLeaseId(leaseOf(job, attempt))).toBe(false)
    expect(isLeaseId(`${job}.01`)).toBe(false)
  })
})
