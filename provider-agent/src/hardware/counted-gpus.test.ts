import { describe, expect, it } from 'vitest'
import { CountedGpus, countedGpus } from './counted-gpus.ts'
import type { GpuReading } from './gpu-reading.ts'

const gpu = (totalMib: number | undefined, isIntegrated = false): GpuReading => ({
  name: 'GPU',
  isIntegrated,
  temperatureC: undefined,
  usedMib: undefined,
  totalMib,
  powerW: undefined,
  busyPercent: undefined,
})
const CARD = gpu(8_192)
const GRAPHICS = gpu(4_096, true)

describe('the GPUs that count', () => {
  it('are all cards, and graphics of a processor with more memory than any', () => {
    const large = gpu(8_193, true)
    expect(new CountedGpus().look([CARD], [gpu(2_048), large]).readings).toHaveLength(3)
    const same = gpu(8_192, true)
    expect(new CountedGpus().look([CARD], [gpu(2_048), same]).readings).toHaveLength(2)
    expect(new CountedGpus().look([], [GRAPHICS]).readings).toEqual([GRAPHICS])
    expect(new CountedGpus().look([], [gpu(undefined, true)]).readings).toHaveLength(1)
    expect(countedGpus([GRAPHICS, CARD, large])).toEqual([CARD, large])
  })

  it('are not all there while one maker’s are gone', () => {
    const counted = new CountedGpus()
    expect(counted.look([CARD], [])).toEqual({ readings: [CARD], isPartial: false })
    expect(counted.look([CARD], [CARD]).isPartial).toBe(false)
    expect(counted.look([CARD], [])).toEqual({ readings: [CARD], isPartial: true })
    expect(counted.look([CARD], [CARD]).isPartial).toBe(false)
  })

  it('do not miss a processor’s graphics that a card has replaced', () => {
    const counted = new CountedGpus()
    expect(counted.look([], [GRAPHICS])).toEqual({ readings: [GRAPHICS], isPartial: false })
    expect(counted.look([CARD], [GRAPHICS])).toEqual({ readings: [CARD], isPartial: false })
    expect(counted.look([CARD], [])).toEqual({ readings: [CARD], isPartial: false })
    expect(counted.look([], [GRAPHICS])).toEqual({ readings: [], isPartial: true })
  })
})
