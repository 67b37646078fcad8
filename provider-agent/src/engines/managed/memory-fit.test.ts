import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fitAdvice, fitOf, type MemoryPlan, type ModelFacts } from './memory-fit.ts'

const GIB = 1024 ** 3
/** Llama 3 8B in Q4_K_M. */
const llama8b: ModelFacts = {
  weightBytes: 4_920_000_000,
  contextLength: 8_192,
  layers: Array.from({ length: 32 }, () => ({ key: 1_024, value: 1_024 })),
  vocabSize: 128_256,
  width: 4_096,
}
const f16 = { key: 'f16', value: 'f16' }
const plan: MemoryPlan = { context: 8_192, slots: 4, kvTypes: f16 }

describe('memory fit', () => {
  it('counts weights, cache and buffers', () => {
    const { need, where } = fitOf(llama8b, plan, { ramBytes: 64 * GIB })
    expect(where).toBe('ram')
    // 128 KiB a token.
    expect(need.cache).toBe(4 * GIB)
    expect(need.rest / 1024 ** 2).toBeCloseTo(64 + 250.5 + 32, 0)
    const q8 = fitOf(llama8b, { ...plan, kvTypes: { key: 'q8_0', value: 'q4_0' } }, { ramBytes: 0 })
    expect(q8.need.cache).toBe(4 * GIB * ((34 + 18) / 128))
  })

  it('counts the cache as llama-server v0.5.0 measures it', () => {
    const MIB = 1024 ** 2
    const layers = (n: number) => Array.from({ length: n }, () => ({ key: 64, value: 64 }))
    const cacheOf = (n: number, more: Partial<MemoryPlan>) => {
      const demo = { ...llama8b, layers: layers(n) }
      return fitOf(demo, { ...plan, context: 1_024, ...more }, { ramBytes: 0 }).need.cache / MIB
    }
    expect(cacheOf(4, { slots: 4 })).toBe(4)
    const kvTypes = { key: 'q8_0', value: 'q4_0' }
    expect(cacheOf(3, { slots: 2, kvTypes })).toBeCloseTo(0.61, 2)
  })

  it('keeps of layers with a window no more than that and a batch', () => {
    const layers = llama8b.layers.map((layer, i) =>
      i % 2 === 0 ? { ...layer, window: 512 } : layer,
    )
    const { need } = fitOf({ ...llama8b, layers }, plan, { ramBytes: 0 })
    expect(need.cache).toBe(4 * 16 * 4_096 * (8_192 + 1_024))
  })

  it('prefers the GPU, and says so when a part has to go elsewhere', () => {
    const roomy = fitOf(llama8b, plan, { ramBytes: 1, vramBytes: 12 * GIB })
    expect(roomy.where).toBe('vram')
    expect(fitAdvice('m', plan, roomy)).toBeUndefined()
    const tight = fitOf(llama8b, plan, { ramBytes: 16 * GIB, vramBytes: 6 * GIB })
    expect(tight.where).toBe('both')
    expect(fitAdvice('m', plan, tight)).toContain('a part will run on the processor')
  })

  it('says what would fit', () => {
    const fit = fitOf(llama8b, plan, { ramBytes: 7 * GIB })
    expect(fitAdvice('m', plan, fit)).toBe(
      'm needs 8.92 GiB (weights 4.58 GiB, 4 × 8192 tokens of context 4.00 GiB, the rest 0.34 GiB), ' +
        'and 7.00 GiB are free: --context 4096 or --slots 2 would fit; ' +
        'to try all the same, add --skip-memory-check',
    )
    const none = fitOf(llama8b, plan, { ramBytes: 4 * GIB })
    expect(fitAdvice('m', plan, none)).toContain('a smaller model or quantization')
  })

  it('means it: what it names fits, and one step more does not', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 64 }).map((n) => n * 256),
        fc.integer({ min: 1, max: 32 }),
        fc.integer({ min: 4, max: 40 }).map((n) => n * (GIB / 4)),
        (context, slots, ramBytes) => {
          const asked = { ...plan, context, slots }
          const fit = fitOf(llama8b, asked, { ramBytes })
          if (fit.where !== 'nowhere') return
          const isFit = (more: Partial<MemoryPlan>) =>
            fitOf(llama8b, { ...asked, ...more }, { ramBytes }).where === 'ram'
          const { fits } = fit
          if (fits.context > 0) expect(isFit({ context: fits.context })).toBe(true)
          expect(isFit({ context: fits.context + 256 })).toBe(false)
          if (fits.slots > 0) expect(isFit({ slots: fits.slots })).toBe(true)
          expect(isFit({ slots: fits.slots + 1 })).toBe(false)
        },
      ),
    )
  })
})
