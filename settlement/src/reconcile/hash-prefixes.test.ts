import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HashPrefixes } from './hash-prefixes.ts'

const hash = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'))

describe('prefixes of hashes', () => {
  it('are those that were added, in whatever order things are added and asked', () => {
    const operations = fc.array(fc.tuple(fc.boolean(), hash), { maxLength: 200 })
    fc.assert(
      fc.property(operations, (all) => {
        const prefixes = new HashPrefixes()
        const model = new Set<string>()
        for (const [adds, one] of all) {
          if (adds) {
            prefixes.add(one)
            model.add(one.slice(0, 16))
          } else expect(prefixes.has(one)).toBe(model.has(one.slice(0, 16)))
        }
        for (const [, one] of all) expect(prefixes.has(one)).toBe(model.has(one.slice(0, 16)))
      }),
    )
  })

  it('hold many', () => {
    const prefixes = new HashPrefixes()
    const hashOf = (n: number) => ((n * 2_654_435_761) % 2 ** 32).toString(16).padStart(64, '0')
    const long = (n: number) => hashOf(n).slice(-8).repeat(8)
    for (let n = 0; n < 5_000; n++) prefixes.add(long(n))
    expect(prefixes.size).toBe(5_000)
    for (let n = 0; n < 5_000; n++) expect(prefixes.has(long(n))).toBe(true)
    expect(prefixes.has('f'.repeat(15) + '0'.repeat(49))).toBe(false)
  })
})
