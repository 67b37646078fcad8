import * as fc from 'fast-check'

/** Where to cut, as fractions of the length. */
export type Cuts = readonly number[]

/** Arbitrary cuts, empty chunks included. */
export const cuts: fc.Arbitrary<Cuts> = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
  maxLength: 12,
})

interface Sliceable<T> {
  length: number
  slice(start: number, end: number): T
}

/** Cuts bytes or text at the given places. */
export function chunked<T extends Sliceable<T>>(whole: T, at: Cuts): T[] {
  const points = [...at.map((cut) => Math.round(cut * whole.length)), whole.length].sort(
    (a, b) => a - b,
  )
  return points.map((point, i) => whole.slice(points[i - 1] ?? 0, point))
}
