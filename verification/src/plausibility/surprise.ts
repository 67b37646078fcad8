/** Nats from which on an honest draw is rarer than `falseAlarm`. */
export const alarmNats = (falseAlarm: number): number => -Math.log(falseAlarm)

/**
 * How surprising `count` events are where `expected` are expected: Chernoff's bound on the tail of a sum of
 * independent events, in nats. P(at least count) <= exp(-surprise). 0 when no more came than expected.
 */
export function surpriseOf(count: number, expected: number): number {
  if (count <= expected) return 0
  return count * Math.log(count / expected) - count + expected
}
