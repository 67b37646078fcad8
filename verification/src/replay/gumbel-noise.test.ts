import { describe, expect, it } from 'vitest'
import { gumbelNoise, noiseKey } from './gumbel-noise.ts'

describe('gumbel noise', () => {
  /** Computed in Python from Triton 3.9's `random.py`, with whole numbers of any size. */
  it.each([
    [0n, 0, 0, 4.802788769699529],
    [42n, 10, 151_643, -0.6018750332599971],
    [2n ** 62n + 12_345n, 4_095, 7, 0.17646735895763319],
    [2n ** 53n - 1n, 131_071, 31_999, -0.12271987719381373],
  ] as const)('of seed %i at place %i for token %i', (seed, position, token, noise) => {
    expect(gumbelNoise(noiseKey(seed, position), token)).toBeCloseTo(noise, 12)
  })

  it('has the mean and the variance of its distribution, and no infinity', () => {
    const all = Array.from({ length: 100_000 }, (_, i) => gumbelNoise(noiseKey(5n, i % 100), i))
    const mean = all.reduce((sum, noise) => sum + noise, 0) / all.length
    const variance = all.reduce((sum, noise) => sum + (noise - mean) ** 2, 0) / all.length
    expect(all.every(Number.isFinite)).toBe(true)
    expect(mean).toBeCloseTo(0.5772, 1.7)
    expect(variance).toBeCloseTo(Math.PI ** 2 / 6, 1.3)
  })
})
