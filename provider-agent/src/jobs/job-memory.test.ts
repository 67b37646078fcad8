import { MAX_REQUEST_BODY_BYTES } from '@infernet/schemas/limits'
import { describe, expect, it } from 'vitest'
import { MAX_JOBS_MEMORY_BYTES } from '../limits.ts'
import { jobBytes, jobsMemoryBytes, processMemory } from './job-memory.ts'
import { MemoryBudget } from './memory-budget.ts'

const MIB = 1024 ** 2
const GIB = 1024 ** 3

describe('what jobs may hold', () => {
  it.each([
    ['a unit beside a server', { limitBytes: 2 * GIB, heapBytes: 2 * GIB }, GIB / 2],
    ['a small container', { limitBytes: 256 * MIB, heapBytes: 256 * MIB }, 64 * MIB],
    ['a large machine', { limitBytes: 256 * GIB, heapBytes: 4 * GIB }, MAX_JOBS_MEMORY_BYTES],
    ['a machine whose Node has a small heap', { limitBytes: 64 * GIB, heapBytes: GIB }, GIB / 2],
  ])('is a part of the memory of %s', (_, memory, bytes) => {
    expect(jobsMemoryBytes(memory)).toBe(bytes)
  })

  it('is known of this process', () => {
    const { limitBytes, heapBytes } = processMemory()
    expect(limitBytes).toBeGreaterThan(64 * MIB)
    expect(limitBytes).toBeLessThan(2 ** 50)
    expect(heapBytes).toBeGreaterThan(64 * MIB)
  })

  it('beside a server is enough for the largest request, and for a thousand usual ones', () => {
    const room = () => new MemoryBudget(GIB / 2)
    expect(room().reserve(jobBytes(MAX_REQUEST_BODY_BYTES))).toBeDefined()
    const full = room()
    for (let n = 0; n < 1_000; n++) expect(full.reserve(jobBytes(8 * 1024))).toBeDefined()
  })
})
