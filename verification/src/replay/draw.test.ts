import { describe, expect, it } from 'vitest'
import type { SamplerSettings } from '../sampler-settings.ts'
import { drawAll, SEEDED_VARIANTS } from './testing/sampler-fixtures.ts'

const DRAWS = 20_000
const logits = Float64Array.from([0.4, 0.3, 0.2, 0.1], Math.log)
const plain: SamplerSettings = { temperature: 1, topK: 0, topP: 1, minP: 0, seed: 9n }

describe.each(SEEDED_VARIANTS)('a simulated draw, %s', (variant) => {
  /** How often each token is drawn. */
  function shares(cut: Partial<SamplerSettings>): number[] {
    const places = Array.from({ length: DRAWS }, () => logits)
    const tokens = drawAll(places, { ...plain, ...cut }, variant)
    return [0, 1, 2, 3].map((token) => tokens.filter((one) => one === token).length / DRAWS)
  }
  const about = (parts: readonly number[]): unknown[] => {
    const whole = parts.reduce((sum, part) => sum + part, 0)
    return parts.map((part) => (part === 0 ? 0 : expect.closeTo(part / whole, 1.7)))
  }

  it('takes each token as often as it is likely', () => {
    expect(shares({})).toEqual(about([4, 3, 2, 1]))
    expect(shares({ temperature: 0.5 })).toEqual(about([16, 9, 4, 1]))
  })

  it('takes none that was cut', () => {
    expect(shares({ topK: 3 })).toEqual(about([4, 3, 2, 0]))
    expect(shares({ topP: 0.69 })).toEqual(about([4, 3, 0, 0]))
    expect(shares({ topP: 0.71 })).toEqual(about([4, 3, 2, 0]))
    expect(shares({ minP: 0.45 })).toEqual(about([4, 3, 2, 0]))
    // Of the three that top_k leaves, the first two have 7/9.
    expect(shares({ topK: 3, topP: 0.75 })).toEqual(about([4, 3, 0, 0]))
    expect(shares({ temperature: 0 })).toEqual([1, 0, 0, 0])
  })

  it('cuts before temperature in llama.cpp, and behind it in vLLM', () => {
    const isTempered = variant.startsWith('vllm')
    expect(shares({ temperature: 0.5, topP: 0.69 })).toEqual(about([16, 9, 0, 0]))
    expect(shares({ temperature: 0.5, topP: 0.53 })).toEqual(about([16, isTempered ? 0 : 9, 0, 0]))
    expect(shares({ temperature: 0.5, minP: 0.3 })).toEqual(about([16, 9, isTempered ? 0 : 4, 0]))
  })
})
