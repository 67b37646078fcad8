/**
 * Reads the machine's monotonic clock (CLOCK_MONOTONIC) in whole microseconds. All processes of one
 * machine share it, so a stamp written by the engine can be subtracted in the load generator.
 */
export function monotonicMicros(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1_000_000 + Math.trunc(nanoseconds / 1_000)
}
