import { shapeOnly, type Moment, type RequestShape } from './request-shape.ts'

/** Shapes kept: enough that none stands out, and some 200 kB as JSON. */
export const MIX_CAPACITY = 1024

/** Requests over which an old shape is forgotten, so that the mix follows the traffic. */
const MEMORY_REQUESTS = 8 * MIX_CAPACITY

/** From fewer, one would be recognised in its canary. */
export const LEAST_SHAPES = 100

/** Shapes that are as near as it gets to a moment; one of them is drawn. */
const NEAREST = 32

/** A sample of real requests' shapes, of one spec. Plain JSON. */
export interface TrafficMix {
  /** Requests seen, up to the number after which it forgets. */
  readonly seen: number
  readonly shapes: readonly RequestShape[]
}

export const EMPTY_MIX: TrafficMix = { seen: 0, shapes: [] }

/** The mix after one more request: a reservoir in which recent requests are likelier than old ones. */
export function observe(mix: TrafficMix, shape: RequestShape, random: () => number): TrafficMix {
  const seen = Math.min(mix.seen + 1, MEMORY_REQUESTS)
  if (mix.shapes.length < MIX_CAPACITY) return { seen, shapes: [...mix.shapes, shapeOnly(shape)] }
  const at = Math.floor(random() * seen)
  return { seen, shapes: at < MIX_CAPACITY ? mix.shapes.with(at, shapeOnly(shape)) : mix.shapes }
}

/**
 * The shape of a real request, all of it from one, so that what belongs together stays together; for a given
 * moment, of one that came at such a moment. Undefined until enough were seen.
 */
export function draw(
  { shapes }: TrafficMix,
  random: () => number,
  moment?: Moment,
): RequestShape | undefined {
  if (shapes.length < LEAST_SHAPES) return undefined
  if (moment === undefined) return pickFrom(shapes, random)
  const near = shapes
    .map((shape) => ({ shape, distance: distanceOf(shape, moment) }))
    .sort((one, other) => one.distance - other.distance)
    .slice(0, NEAREST)
  const chosen = pickFrom(near, random)
  return chosen && { ...chosen.shape, ...moment }
}

/** How much of the traffic comes in each hour of the day, 1 on average. */
export function hourWeights({ shapes }: TrafficMix): number[] {
  const counts = Array.from({ length: 24 }, () => 1)
  for (const { hour } of shapes) counts[hour] = (counts[hour] ?? 0) + 1
  const mean = counts.reduce((sum, count) => sum + count, 0) / 24
  return counts.map((count) => count / mean)
}

/** Requests a day, by the gaps between them. 0 when nothing was seen. */
export function requestsPerDay({ shapes }: TrafficMix): number {
  const total = shapes.reduce((sum, { interArrivalMs }) => sum + interArrivalMs, 0)
  return total > 0 ? (shapes.length * 86_400_000) / total : 0
}

const pickFrom = <T>(list: readonly T[], random: () => number): T | undefined =>
  list[Math.floor(random() * list.length)]

/** Twice the gap weighs like an hour: a burst's requests are not those that come alone. */
function distanceOf(shape: RequestShape, moment: Moment): number {
  const hours = Math.abs(shape.hour - moment.hour)
  const octaves = Math.log2((1 + shape.interArrivalMs) / (1 + moment.interArrivalMs))
  return Math.min(hours, 24 - hours) + Math.abs(octaves)
}
