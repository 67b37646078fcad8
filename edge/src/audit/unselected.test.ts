import { leaseOf, newJobId, type LeaseId } from '@infernet/schemas/ids'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_UNSELECTED, MAX_UNSELECTED_BYTES } from './audit-limits.ts'
import { Unselected } from './unselected.ts'

const leases = Array.from({ length: 40 }, (_, i): LeaseId => leaseOf(newJobId(i), 1))
const MIB = 1024 * 1024

describe('answers that were not selected', () => {
  it('are kept while there is room, the latest of them', () => {
    const body = new Uint8Array(8 * MIB)
    const sizes = fc.array(fc.tuple(fc.nat({ max: 39 }), fc.nat({ max: 8 }), fc.boolean()))
    fc.assert(
      fc.property(sizes, (steps) => {
        const unselected = new Unselected()
        let kept: { lease: LeaseId; mib: number }[] = []
        for (const [i, mib, isAdded] of steps) {
          const lease = leases[i]!
          const known = kept.some((one) => one.lease === lease)
          if (isAdded && known) continue
          if (isAdded) {
            const contentBytes = mib > 3 ? (mib - 3) * MIB : undefined
            const asked = body.subarray(0, mib * MIB - (contentBytes ?? 0))
            unselected.add({ answer: { lease, body: asked, contentBytes } })
            kept.push({ lease, mib })
            const bytes = () => kept.reduce((sum, one) => sum + one.mib * MIB, 0)
            while (bytes() > MAX_UNSELECTED_BYTES) kept.shift()
          } else {
            expect(unselected.take(lease)?.answer.lease).toBe(known ? lease : undefined)
            kept = kept.filter((one) => one.lease !== lease)
          }
        }
        for (const lease of leases)
          expect(unselected.take(lease) !== undefined).toBe(kept.some((one) => one.lease === lease))
      }),
    )
  })

  it('are so many at most', () => {
    const unselected = new Unselected()
    const many = Array.from({ length: MAX_UNSELECTED + 1 }, (_, i) => leaseOf(newJobId(i), 1))
    for (const lease of many)
      unselected.add({ answer: { lease, body: new Uint8Array(1), contentBytes: 1 } })
    expect(many.map((lease) => unselected.take(lease) !== undefined).indexOf(true)).toBe(1)
  })
})
