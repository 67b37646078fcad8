import { createHmac } from 'node:crypto'
import { newJobId, type JobId } from '@infernet/schemas/ids'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  AUDIT_EPOCH_MS,
  epochKey,
  epochOf,
  epochOfJob,
  isCommittedKey,
  isSelected,
  KEY_REVEAL_DELAY_MS,
  keyCommitment,
  MIN_AUDIT_SECRET_BYTES,
  revealAt,
} from './audit-epoch.ts'

const SECRET = new Uint8Array(MIN_AUDIT_SECRET_BYTES).fill(7)
const KEY = epochKey(SECRET, 81_000)
const NOW = Date.UTC(2026, 9, 20, 13)
const job = (n: number) => `job_${n.toString(16).padStart(32, '0')}` as JobId
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

describe('an epoch', () => {
  it('has six hours', () => {
    expect(AUDIT_EPOCH_MS).toBe(21_600_000)
    const begin = epochOf(NOW) * AUDIT_EPOCH_MS
    expect([begin - 1, begin, begin + AUDIT_EPOCH_MS - 1].map(epochOf)).toEqual([
      epochOf(NOW) - 1,
      epochOf(NOW),
      epochOf(NOW),
    ])
  })

  it('is known from a job id', () => {
    expect(epochOfJob(newJobId(NOW))).toBe(epochOf(NOW))
  })

  it('keeps its key until the jobs that began in it are over', () => {
    expect(revealAt(epochOf(NOW))).toBe((epochOf(NOW) + 1) * AUDIT_EPOCH_MS + KEY_REVEAL_DELAY_MS)
  })

  it('has a key of its own, the same after a crash', () => {
    const keys = [1, 2, 1].map((epoch) => hex(epochKey(SECRET, epoch)))
    expect(keys[0]).toBe(keys[2])
    expect(keys[0]).not.toBe(keys[1])
    const name = Buffer.concat([
      Buffer.from('infernet/audit-epoch/1'),
      Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]),
    ])
    expect(keys[0]).toBe(createHmac('sha256', SECRET).update(name).digest('hex'))
  })

  it.each([-1, 0.5, NaN, 2 ** 53])('refuses %s as a number of one', (epoch) => {
    expect(() => epochKey(SECRET, epoch)).toThrow(RangeError)
  })

  it('refuses a secret that could be guessed', () => {
    expect(() => epochKey(SECRET.subarray(1), 1)).toThrow(RangeError)
  })
})

describe('a commitment', () => {
  const commitment = keyCommitment(KEY)

  it('fits its key only', () => {
    expect(isCommittedKey(KEY, commitment)).toBe(true)
    expect(isCommittedKey(epochKey(SECRET, 1), commitment)).toBe(false)
    expect(isCommittedKey(KEY, commitment.subarray(1))).toBe(false)
  })
})

describe('selection', () => {
  it('takes all at 1 and none at 0', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.nat(), (key, n) => {
        expect(isSelected(key, job(n), 1)).toBe(true)
        expect(isSelected(key, job(n), 0)).toBe(false)
      }),
    )
  })

  it('is decided by the first 8 bytes of the HMAC, to the last bit that a rate has', () => {
    for (let n = 0; n < 50; n++) {
      const digest = createHmac('sha256', KEY).update(job(n)).digest()
      const drawn = Number(digest.readBigUInt64BE(0) >> 11n) / 2 ** 53
      expect(isSelected(KEY, job(n), drawn)).toBe(false)
      expect(isSelected(KEY, job(n), Math.min(1, drawn + 2 ** -53))).toBe(true)
    }
  })

  it('selects at a higher rate whatever it selects at a lower one', () => {
    const rate = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(rate, rate, fc.nat(), (a, b, n) => {
        const [low, high] = a < b ? [a, b] : [b, a]
        if (isSelected(KEY, job(n), low)) expect(isSelected(KEY, job(n), high)).toBe(true)
      }),
    )
  })

  it.each([0.01, 0.2, 0.5])('takes its share at %s', (rate) => {
    const jobs = 10_000
    let selected = 0
    for (let n = 0; n < jobs; n++) if (isSelected(KEY, job(n), rate)) selected++
    const deviation = Math.sqrt(jobs * rate * (1 - rate))
    // The ids are fixed, so this either always passes or never; five deviations were one in a million.
    expect(Math.abs(selected - jobs * rate)).toBeLessThan(5 * deviation)
  })

  it.each([-0.1, 1.1, NaN, Infinity])('refuses the rate %s', (rate) => {
    expect(() => isSelected(KEY, job(0), rate)).toThrow(RangeError)
  })
})
