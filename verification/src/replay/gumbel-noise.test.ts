import { describe, expect, it } from 'vitest'
import { gumbelNoise } from './gumbel-noise.ts'

describe('gumbel noise', () => {
  /** Computed in Python from Triton 3.9's `random.py`, with whole numbers of any size. */
  it.each([
    [0n, 0, 0, 4.802788769699529],
    [42n, 10, 151_643, -0.6018750332599971],
    [2n ** 62n + 12_345n, 4_095, 7, 0.17646735895763319],
    [2n ** 53n - 1n, 131_071, 31_999, -0.12271987719381373],
  ] as const)('of seed %i at place %i for token %i', (seed, position, token, noise) => {
    expect(gumbelNoise('philox', seed, position)(token)).toBeCloseTo(noise, 12)
  })

  /** From the kernel of vLLM 0.32.0 itself, in 32 bits throughout, by Triton's interpreter. */
  it.each([
    [0n, 0, 0, 0.3529449701309204],
    [42n, 10, 151_643, -0.40023860335350037],
    [2n ** 62n + 12_345n, 4_095, 7, 3.7526609897613525],
    [2n ** 53n - 1n, 131_071, 31_999, -0.22705663740634918],
    [7n, 11, 113, -0.6251532435417175],
    [3_000_000_000n, 1, 1, 0.7857266068458557],
  ] as const)('by MurmurHash3, of seed %i at place %i for token %i', (seed, at, token, noise) => {
    expect(gumbelNoise('murmur', seed, at)(token)).toBeCloseTo(noise, 5.5)
  })

  it.each(['philox', 'murmur'] as const)('has its distribution, and no infinity: %s', (source) => {
    const all = Array.from({ length: 100_000 }, (_, i) => gumbelNoise(source, 5n, i % 100)(i))
    const mean = all.reduce((sum, noise) => sum + noise, 0) / all.length
    const variance = all.reduce((sum, noise) => sum + (noise - mean) ** 2, 0) / all.length
    expect(all.every(Number.isFinite)).toBe(true)
    expect(mean).toBeCloseTo(0.5772, 1.7)
    expect(variance).toBeCloseTo(Math.PI ** 2 / 6, 1.3)
  })
})
