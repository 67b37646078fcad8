import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HEDGE_FLOOR_MS, HEDGE_MIN_SAMPLES, hedgeDelayMs, OUTAGE_MS } from './provider-stats.ts'
import { ProviderStats } from './provider-stats.ts'

const NOW = Date.UTC(2026, 0, 1)
const HALF_LIFE_MS = 10 * 60_000
const QUANTILE_ERROR = 2 ** (1 / 4)

const anyMs = fc.double({ min: 1, max: 60_000, noNaN: true })

/** The time within which this share of the samples came. */
function exactQuantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}

function repeat(times: number, task: () => void): void {
  for (let i = 0; i < times; i++) task()
}

describe('the measures of a provider', () => {
  it('know nothing before the first job', () => {
    const stats = new ProviderStats(NOW)
    expect(stats.figures()).toEqual({
      completionRate: null,
      firstByteMs: null,
      firstByteP50Ms: null,
      firstByteP99Ms: null,
      tokensPerSecond: null,
      lastOutageAt: null,
      answers: 0,
    })
    expect(stats.reliability(NOW)).toBe(1)
    expect(stats.isFallback(NOW)).toBe(false)
  })

  it('tell each quantile of the first byte within a fourth root of two', () => {
    const share = fc.constantFrom(0.01, 0.25, 0.5, 0.9, 0.99, 1)
    fc.assert(
      fc.property(fc.array(anyMs, { minLength: 1, maxLength: 200 }), share, (samples, q) => {
        const stats = new ProviderStats(NOW)
        for (const ms of samples) stats.firstByte(ms, NOW)
        const told = stats.firstByteQuantile(q) ?? 0
        const exact = exactQuantile(samples, q)
        expect(told / exact).toBeLessThanOrEqual(QUANTILE_ERROR * (1 + 1e-9))
        expect(told / exact).toBeGreaterThanOrEqual((1 - 1e-9) / QUANTILE_ERROR)
      }),
    )
  })

  it('stay within their range whatever time a first byte took', () => {
    const stats = new ProviderStats(NOW)
    for (const ms of [0, -5, 1e9]) stats.firstByte(ms, NOW)
    expect(stats.firstByteQuantile(0.1)).toBeGreaterThanOrEqual(1)
    expect(stats.firstByteQuantile(1)).toBeLessThanOrEqual(65_536)
  })

  it('let what happened one half-life ago count half', () => {
    const stats = new ProviderStats(NOW)
    repeat(20, () => stats.failed(NOW))
    repeat(10, () => stats.completed({ tokens: 1, ms: 1 }, NOW + HALF_LIFE_MS))
    expect(stats.figures().completionRate).toBeCloseTo(0.5)
  })

  it('fade alike however late the next sample comes', () => {
    const anyHalfLives = fc.double({ min: 0, max: 40, noNaN: true })
    fc.assert(
      fc.property(fc.array(anyHalfLives, { minLength: 1, maxLength: 8 }), (pauses) => {
        const stats = new ProviderStats(NOW)
        stats.failed(NOW)
        let now = NOW
        let [succeeded, judged] = [0, 1]
        for (const pause of pauses) {
          now += pause * HALF_LIFE_MS
          const faded = 2 ** -pause
          succeeded = succeeded * faded + 1
          judged = judged * faded + 1
          stats.completed({ tokens: 1, ms: 1 }, now)
        }
        expect(stats.figures().completionRate).toBeCloseTo(succeeded / judged, 6)
      }),
    )
  })

  it('keep the distribution of first bytes when weights are scaled back', () => {
    const stats = new ProviderStats(NOW)
    repeat(10, () => stats.firstByte(1000, NOW))
    const later = NOW + 20 * HALF_LIFE_MS
    repeat(10, () => stats.firstByte(10, later))
    expect(stats.firstByteQuantile(0.99)).toBeLessThan(10 * QUANTILE_ERROR)
    expect(stats.firstByteSamples).toBe(20)
  })

  it('measure the speed of answers that have tokens', () => {
    const stats = new ProviderStats(NOW)
    stats.completed({ tokens: 0, ms: 1000 }, NOW)
    expect(stats.tokensPerSecond).toBeUndefined()
    stats.completed({ tokens: 100, ms: 2000 }, NOW)
    expect(stats.tokensPerSecond).toBe(50)
    stats.completed({ tokens: 100, ms: 1000 }, NOW)
    expect(stats.tokensPerSecond).toBe(60)
    stats.completed({ tokens: 1, ms: 0 }, NOW)
    expect(stats.tokensPerSecond).toBeLessThanOrEqual(1000)
  })

  it('follow the first byte', () => {
    const stats = new ProviderStats(NOW)
    stats.firstByte(100, NOW)
    stats.firstByte(200, NOW)
    expect(stats.firstByteMs).toBe(120)
  })

  it('put a provider last for as long as an outage lasts', () => {
    const stats = new ProviderStats(NOW)
    stats.failed(NOW)
    expect(stats.isFallback(NOW + OUTAGE_MS - 1)).toBe(true)
    expect(stats.isFallback(NOW + OUTAGE_MS)).toBe(false)
    expect(stats.figures().lastOutageAt).toBe(NOW)
  })

  it('put a provider last that fails one job in four, but not one in five', () => {
    const often = new ProviderStats(NOW)
    const seldom = new ProviderStats(NOW)
    repeat(40, () => {
      repeat(3, () => often.completed({ tokens: 1, ms: 1 }, NOW))
      often.failed(NOW)
      repeat(4, () => seldom.completed({ tokens: 1, ms: 1 }, NOW))
      seldom.failed(NOW)
    })
    const later = NOW + OUTAGE_MS
    expect(often.isFallback(later)).toBe(true)
    expect(seldom.isFallback(later)).toBe(false)
  })

  it('give a provider that always failed another chance after some time', () => {
    const stats = new ProviderStats(NOW)
    repeat(40, () => stats.failed(NOW))
    expect(stats.isFallback(NOW + OUTAGE_MS)).toBe(true)
    expect(stats.isFallback(NOW + 2 * HALF_LIFE_MS)).toBe(false)
    expect(stats.reliability(NOW)).toBeGreaterThan(0)
    expect(stats.reliability(NOW + 10 * HALF_LIFE_MS)).toBeGreaterThan(0.99)
  })

  it('do not mind a clock that goes back', () => {
    const stats = new ProviderStats(NOW)
    stats.completed({ tokens: 1, ms: 1 }, NOW - HALF_LIFE_MS)
    stats.failed(NOW - 2 * HALF_LIFE_MS)
    expect(stats.figures().completionRate).toBe(0.5)
  })
})

describe('hedging', () => {
  it('waits until a provider is known', () => {
    const stats = new ProviderStats(NOW)
    expect(hedgeDelayMs(undefined)).toBeUndefined()
    repeat(HEDGE_MIN_SAMPLES - 1, () => stats.firstByte(1000, NOW))
    expect(hedgeDelayMs(stats)).toBeUndefined()
    stats.firstByte(1000, NOW)
    expect(hedgeDelayMs(stats)).toBeGreaterThanOrEqual(1000 / QUANTILE_ERROR)
    expect(hedgeDelayMs(stats)).toBeLessThanOrEqual(1000 * QUANTILE_ERROR)
  })

  it('never hurries more than a client would notice', () => {
    const stats = new ProviderStats(NOW)
    repeat(HEDGE_MIN_SAMPLES, () => stats.firstByte(2, NOW))
    expect(hedgeDelayMs(stats)).toBe(HEDGE_FLOOR_MS)
  })
})
