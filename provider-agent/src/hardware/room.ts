import type { GpuReading } from './gpu-reading.ts'

/** What the owner wants to be left. Absent: no limit. */
export interface RoomLimits {
  readonly maxTemperatureC?: number | undefined
  /** Of each GPU. */
  readonly maxWatts?: number | undefined
  /** Memory of each GPU that stays free for the owner. */
  readonly keepFreeMib?: number | undefined
  /** No jobs while somebody else computes on a GPU: the owner plays, or trains. */
  readonly pauseWhenBusy?: boolean | undefined
}

/** Whether jobs may come in now, or what keeps them out. */
export type Room = 'open' | 'hot' | 'power' | 'memory' | 'in_use'

export interface RoomState {
  readonly was: Room
  /** The last look at the GPUs, and the one before; none where jobs of ours ran then. */
  readonly now: readonly GpuReading[]
  readonly before: readonly GpuReading[]
  /** GPUs are gone that were there before: those that are left may shut, and open nothing. */
  readonly isPartial?: boolean
  /** Jobs of ours ran since then: how busy a GPU is says nothing of others. */
  readonly worked: boolean
  /** Of the programs that draw, what the busiest took of a GPU at these looks, in percent; undefined: not told. */
  readonly drawnNow?: number | undefined
  readonly drawnBefore?: number | undefined
}

/** What kept jobs out must be better by this before they come in again, or they would come and go. */
const COOL_DOWN_C = 5
const LESS_POWER = 0.9
const MORE_FREE_MIB = 512
/** Somebody computes above this, and nobody below: a desktop alone keeps a GPU busy by some percent. */
const BUSY_PERCENT = 40
const IDLE_PERCENT = 15
/** A program that draws is no desktop above this: beside a job of ours a game gets some half of the GPU. */
const PLAY_PERCENT = 25

/**
 * Whether there is room for jobs: shut by what goes beyond `limits`, open again when it has gone well
 * below. A GPU that says nothing keeps nobody out; where none can be looked at, all stays as it was.
 */
export function roomOf(state: RoomState, limits: RoomLimits): Room {
  if (state.now.length === 0) return state.was
  if (state.isPartial === true && state.was !== 'open') return state.was
  // First, for it is why the rest may be so: a game heats the GPU and takes its memory.
  if (isInUse(state, limits)) return 'in_use'
  if (isHot(state, limits)) return 'hot'
  if (isPowerful(state, limits)) return 'power'
  return isFull(state, limits) ? 'memory' : 'open'
}

function isHot({ was, now }: RoomState, { maxTemperatureC }: RoomLimits): boolean {
  if (maxTemperatureC === undefined) return false
  const bound = was === 'hot' ? maxTemperatureC - COOL_DOWN_C + 1 : maxTemperatureC
  return now.some(({ temperatureC }) => temperatureC !== undefined && temperatureC >= bound)
}

function isPowerful({ was, now }: RoomState, { maxWatts }: RoomLimits): boolean {
  if (maxWatts === undefined) return false
  const bound = was === 'power' ? maxWatts * LESS_POWER : maxWatts
  return now.some(({ powerW }) => powerW !== undefined && powerW >= bound)
}

/** A GPU that has no more than is to be left could never leave it: it is not meant. */
function isFull({ was, now }: RoomState, { keepFreeMib }: RoomLimits): boolean {
  if (keepFreeMib === undefined) return false
  const bound = was === 'memory' ? keepFreeMib + MORE_FREE_MIB : keepFreeMib
  return now.some(
    ({ usedMib, totalMib }) =>
      usedMib !== undefined &&
      totalMib !== undefined &&
      totalMib > keepFreeMib &&
      totalMib - usedMib < bound,
  )
}

/** Twice in a row, either way: one look may meet a moment. */
function isInUse(state: RoomState, { pauseWhenBusy }: RoomLimits): boolean {
  if (pauseWhenBusy !== true) return false
  const { was, now, before, worked } = state
  const isPaused = was === 'in_use'
  if (isDrawn(state)) return true
  if (worked || before.length === 0) return isPaused
  const bound = isPaused ? IDLE_PERCENT : BUSY_PERCENT
  const isBusy = (readings: readonly GpuReading[]): boolean =>
    readings.some(({ busyPercent = 0 }) => busyPercent > bound)
  return isPaused ? isBusy(now) || isBusy(before) : isBusy(now) && isBusy(before)
}

/** Whether somebody plays, also while our jobs compute. */
function isDrawn({ was, drawnNow = 0, drawnBefore = 0 }: RoomState): boolean {
  return was === 'in_use'
    ? Math.max(drawnNow, drawnBefore) > IDLE_PERCENT
    : Math.min(drawnNow, drawnBefore) > PLAY_PERCENT
}
