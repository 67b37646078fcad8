import { hexToBytes } from '@noble/hashes/utils.js'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  derivePreimage,
  MAX_PREIMAGE_ATTEMPT,
  MAX_PREIMAGE_ID_LENGTH,
  MIN_PREIMAGE_KEY_BYTES,
  type PreimageName,
} from './derived-preimage.ts'

const KEY = hexToBytes('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f')
const name = (fields: Partial<PreimageName> = {}): PreimageName => ({
  purpose: 'topup',
  id: 'tu_1',
  attempt: 0,
  ...fields,
})
const refused = expect.objectContaining({ name: 'IntakeError', code: 'bad_derivation' })

describe('a derived preimage', () => {
  // By `openssl dgst -sha256 -mac HMAC -macopt hexkey:…`.
  it.each([
    [name(), '1b84ee4ea88ec6c718d1e68c510e2ccc1a922661e098579df6242270e68045fe'],
    [
      name({ purpose: 'escrow', id: 'job_7', attempt: 2 }),
      '2c34552119e91960e8ba495bdaa300eb95c71232db4f0a5bf15a062c7afada86',
    ],
    [
      name({ purpose: 'keysend', id: 'po_7', attempt: 1 }),
      'c5068fc8c02ec7884e150bdb4e3e7cc117f36da78e28e2384ac94e54fc3b3bae',
    ],
    [
      name({ purpose: 'agent-payout', id: 'po_7', attempt: 1 }),
      '940918c4803c1bec60e5d5ce9e8e6b123270e8bff502929742a697a05e6bc0dd',
    ],
  ])('of %j is what openssl computes', (named, preimage) => {
    expect(derivePreimage(KEY, named)).toBe(preimage)
  })

  it('is another one for every other name', () => {
    const names = fc.record({
      purpose: fc.constantFrom(...(['topup', 'escrow', 'keysend', 'agent-payout'] as const)),
      id: fc.stringMatching(/^[a-z0-9_-]{1,4}$/),
      attempt: fc.nat({ max: 20 }),
    })
    fc.assert(
      fc.property(names, names, (a, b) => {
        const same = a.purpose === b.purpose && a.id === b.id && a.attempt === b.attempt
        expect(derivePreimage(KEY, a) === derivePreimage(KEY, b)).toBe(same)
      }),
    )
  })

  it('takes keys, ids and attempts up to their limits', () => {
    const longest = name({ id: 'x'.repeat(MAX_PREIMAGE_ID_LENGTH), attempt: MAX_PREIMAGE_ATTEMPT })
    expect(derivePreimage(KEY, longest)).toMatch(/^[0-9a-f]{64}$/)
    const short = KEY.slice(0, MIN_PREIMAGE_KEY_BYTES - 1)
    expect(() => derivePreimage(short, name())).toThrow(refused)
    for (const wrong of [
      { id: '' },
      { id: 'a|b' },
      { id: `${longest.id}x` },
      { attempt: -1 },
      { attempt: 0.5 },
      { attempt: MAX_PREIMAGE_ATTEMPT + 1 },
    ])
      expect(() => derivePreimage(KEY, name(wrong))).toThrow(refused)
  })
})
