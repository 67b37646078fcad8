import { leaseOf, newJobId } from '@infernet/schemas/ids'
import { AUDIT_EPOCH_MS, isCommittedKey, revealAt } from '@infernet/verification/audit/audit-epoch'
import { describe, expect, it } from 'vitest'
import { AuditKeys, AuditSecretError, parseAuditSecret } from './audit-keys.ts'

const keys = new AuditKeys(parseAuditSecret('ab'.repeat(32)))
const lease = leaseOf(newJobId(0), 1)

describe('an audit secret', () => {
  it('is 64 hex digits', () => {
    expect(parseAuditSecret(`${'AB'.repeat(32)}\n`)).toEqual(new Uint8Array(32).fill(0xab))
    for (const text of ['', 'ab', 'x'.repeat(64), 'ab'.repeat(33)]) {
      expect(() => parseAuditSecret(text)).toThrow(AuditSecretError)
    }
  })

  it('gives each lease a seed, the same at every edge, another at another operator', () => {
    expect(keys.seedOf(lease)).toBe(new AuditKeys(new Uint8Array(32).fill(0xab)).seedOf(lease))
    expect(keys.seedOf(lease)).not.toBe(new AuditKeys(new Uint8Array(32)).seedOf(lease))
    expect(keys.seedOf(lease)).not.toBe(keys.seedOf(leaseOf(newJobId(1), 1)))
  })

  it('gives each epoch a key that is told when it is over, and was committed to before', () => {
    const end = revealAt(3)
    expect(keys.revealed(3, end - 1)).toBeUndefined()
    const key = Buffer.from(keys.revealed(3, end) ?? '', 'hex')
    const commitment = Buffer.from(keys.commitmentOf(3), 'hex')
    expect(isCommittedKey(key, commitment)).toBe(true)
    expect(end).toBeGreaterThan(4 * AUDIT_EPOCH_MS)
  })

  it('gives each name a number, evenly', () => {
    const numbers = Array.from({ length: 2000 }, (_, i) => keys.draw(`name ${i}`))
    expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true)
    expect(numbers.filter((number) => number < 0.25).length / 2000).toBeCloseTo(0.25, 1)
    expect(keys.draw('name 1')).toBe(numbers[1])
    expect(new AuditKeys(new Uint8Array(32)).draw('name 1')).not.toBe(numbers[1])
  })
})
