import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GpuReading } from './gpu-reading.ts'
import { roomOf, type Room, type RoomLimits, type RoomState } from './room.ts'

const reading = (facts: Partial<GpuReading> = {}): GpuReading => ({
  name: 'GPU',
  temperatureC: 60,
  usedMib: 10_000,
  totalMib: 24_000,
  powerW: 100,
  busyPercent: 0,
  ...facts,
})

/** What comes of looks at one GPU, one after the other. */
function follow(
  limits: RoomLimits,
  looks: readonly Partial<GpuReading>[],
  worked: (look: number) => boolean = () => false,
  drawn: readonly number[] = [],
): Room[] {
  let state: RoomState = { was: 'open', now: [], before: [], worked: false }
  return looks.map((facts, i) => {
    const drawing = { drawnNow: drawn[i], drawnBefore: drawn[i - 1] }
    state = { ...state, ...drawing, now: [reading(facts)], worked: worked(i) }
    const was = roomOf(state, limits)
    state = { ...state, was, before: worked(i) ? [] : state.now }
    return was
  })
}

describe('room for jobs', () => {
  it('is gone at the temperature limit, and back five degrees below', () => {
    const looks = [79, 80, 79, 76, 75, 79, 80].map((temperatureC) => ({ temperatureC }))
    expect(follow({ maxTemperatureC: 80 }, looks)).toEqual([
      'open',
      'hot',
      'hot',
      'hot',
      'open',
      'open',
      'hot',
    ])
  })

  it('is gone at the power limit, and back a tenth below', () => {
    const looks = [249, 250, 230, 225, 224, 249].map((powerW) => ({ powerW }))
    expect(follow({ maxWatts: 250 }, looks)).toEqual([
      'open',
      'power',
      'power',
      'power',
      'open',
      'open',
    ])
  })

  it('is gone when somebody plays twice in a row beside our jobs, and back when all are done', () => {
    const busy = [99, 99, 99, 99, 99, 0, 0].map((busyPercent) => ({ busyPercent }))
    const worked = (look: number) => look < 5
    expect(follow({ pauseWhenBusy: true }, busy, worked, [26, 9, 26, 26, 9])).toEqual([
      'open',
      'open',
      'open',
      'in_use',
      'in_use',
      'in_use',
      'open',
    ])
    expect(follow({}, busy, worked, [99, 99, 99])).not.toContain('in_use')
  })

  it('is gone when less memory is free than the owner wants, and back with some to spare', () => {
    const looks = [16_000, 16_001, 15_600, 15_488, 15_800].map((usedMib) => ({ usedMib }))
    expect(follow({ keepFreeMib: 8_000 }, looks)).toEqual([
      'open',
      'memory',
      'memory',
      'open',
      'open',
    ])
  })

  it('does not wait for memory that a GPU does not have', () => {
    const small = [{ usedMib: 500, totalMib: 4_000 }]
    expect(follow({ keepFreeMib: 4_000 }, small)).toEqual(['open'])
    const large = [{ usedMib: 500, totalMib: 4_001 }]
    expect(follow({ keepFreeMib: 4_000 }, large)).toEqual(['memory'])
  })

  it('is gone when somebody computes twice in a row, and back when nobody does twice', () => {
    const looks = [90, 0, 90, 90, 20, 10, 10].map((busyPercent) => ({ busyPercent }))
    expect(follow({ pauseWhenBusy: true }, looks)).toEqual([
      'open',
      'open',
      'open',
      'in_use',
      'in_use',
      'in_use',
      'open',
    ])
  })

  it('does not take our own work for the owner’s, nor our silence for theirs', () => {
    const busy = Array.from({ length: 6 }, () => ({ busyPercent: 99 }))
    expect(new Set(follow({ pauseWhenBusy: true }, busy, () => true))).toEqual(new Set(['open']))
    const ends = [99, 99, 0, 0, 0, 0].map((busyPercent) => ({ busyPercent }))
    const worked = (look: number) => look >= 2 && look < 4
    expect(follow({ pauseWhenBusy: true }, ends, worked)).toEqual([
      'open',
      'in_use',
      'in_use',
      'in_use',
      'in_use',
      'open',
    ])
  })

  it('is in use first of all, for what is played heats the GPU and takes its memory', () => {
    const game = { busyPercent: 99, temperatureC: 90, powerW: 300, usedMib: 20_000 }
    const limits = { maxTemperatureC: 80, maxWatts: 250, keepFreeMib: 8_000, pauseWhenBusy: true }
    expect(follow(limits, [game, game, game])).toEqual(['hot', 'in_use', 'in_use'])
    expect(follow(limits, [game, game, { ...game, busyPercent: 0 }, {}, {}])).toEqual([
      'hot',
      'in_use',
      'in_use',
      'open',
      'open',
    ])
  })

  it('stays as it was while no GPU can be looked at', () => {
    for (const was of ['open', 'hot', 'power', 'memory', 'in_use'] as const) {
      expect(roomOf({ was, now: [], before: [], worked: false }, {})).toBe(was)
    }
  })

  it('shuts, and does not open, while GPUs are gone that were there', () => {
    const state = { now: [reading()], before: [], worked: false, isPartial: true }
    const limits = { maxTemperatureC: 60 }
    for (const was of ['hot', 'power', 'memory', 'in_use'] as const) {
      expect(roomOf({ ...state, was }, {})).toBe(was)
    }
    expect(roomOf({ ...state, was: 'open' }, limits)).toBe('hot')
    expect(roomOf({ ...state, was: 'open' }, {})).toBe('open')
  })

  const maybe = (max: number) => fc.option(fc.integer({ min: 0, max }), { nil: undefined })
  const anyReading = fc.record({
    name: fc.constant('GPU'),
    temperatureC: maybe(110),
    usedMib: maybe(24_000),
    totalMib: fc.option(fc.constant(24_000), { nil: undefined }),
    powerW: maybe(400),
    busyPercent: maybe(100),
  })
  const anyState = fc.record({
    was: fc.constantFrom<Room>('open', 'hot', 'power', 'memory', 'in_use'),
    now: fc.array(anyReading, { minLength: 1, maxLength: 4 }),
    before: fc.array(anyReading, { maxLength: 4 }),
    worked: fc.boolean(),
    drawnNow: maybe(100),
    drawnBefore: maybe(100),
  })

  it('is there without limits, and for GPUs that say nothing', () => {
    fc.assert(fc.property(anyState, (state) => roomOf(state, {}) === 'open'))
    const silent = reading({
      temperatureC: undefined,
      usedMib: undefined,
      powerW: undefined,
      busyPercent: undefined,
    })
    const limits = { maxTemperatureC: 1, maxWatts: 1, keepFreeMib: 1e6, pauseWhenBusy: true }
    for (const was of ['open', 'hot', 'power', 'memory', 'in_use'] as const) {
      const state = { was, now: [silent], before: [silent], worked: false }
      expect(roomOf(state, limits)).toBe('open')
    }
  })

  it('never opens on what would shut it', () => {
    const limits = { maxTemperatureC: 80, maxWatts: 250, keepFreeMib: 4_000, pauseWhenBusy: true }
    fc.assert(
      fc.property(anyState, (state) => {
        if (roomOf(state, limits) === 'open') {
          expect(roomOf({ ...state, was: 'open' }, limits)).toBe('open')
        }
      }),
    )
  })
})
