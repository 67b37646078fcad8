import type { Gpu } from '@infernet/schemas/hardware'
import { describe, expect, it } from 'vitest'
import { billionsIn, placesFor, usableMib } from './what-fits.ts'

const gpu = (facts: Partial<Gpu>): Gpu => ({ vendor: 'nvidia', name: 'GPU', ...facts })

describe('what fits', () => {
  it.each([
    [24_576, [34, 19, 10]],
    [8_192, [10, 6, 3]],
    [81_559, [117, 67, 35]],
    [512, [0, 0, 0]],
  ])('into %i MiB: models of %j billion weights in 4, 8 and 16 bits', (mib, billions) => {
    expect([billionsIn(mib, 4), billionsIn(mib, 8), billionsIn(mib, 16)]).toEqual(billions)
  })

  it('is less where the memory is shared or cut up', () => {
    expect(usableMib(gpu({ vram_mib: 10_000 }))).toBe(10_000)
    expect(usableMib(gpu({ vram_mib: 10_000, unified: true }))).toBe(7_000)
    const mig = ['1g.10gb', '3g.40gb']
    expect(usableMib(gpu({ vram_mib: 81_920, mig }))).toBe(40_960)
    expect(usableMib(gpu({}))).toBe(0)
  })

  it('is looked for on one GPU, on all of one kind, and in main memory', () => {
    const gpus = [
      gpu({ vram_mib: 24_576 }),
      gpu({ vram_mib: 24_576 }),
      gpu({ vendor: 'amd', vram_mib: 16_384 }),
    ]
    expect(placesFor({ gpus, memory_mib: 64_000 })).toEqual([
      { what: 'gpu', mib: 24_576 },
      { what: 'all_gpus', mib: 49_152 },
      { what: 'cpu', mib: 44_800 },
    ])
    expect(placesFor({ gpus: [] })).toEqual([])
  })
})
