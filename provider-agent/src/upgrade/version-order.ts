import { z } from 'zod'

/** Three numbers and nothing else, so that there is one order and one way to write each. */
export const versionSchema = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,5})(?:\.(?:0|[1-9]\d{0,5})){2}$/, 'not a version such as 1.2.3')

/** Below, at or above 0 as `a` is before, the same as or after `b`. Both are versions. */
export function compareVersions(a: string, b: string): number {
  const others = b.split('.').map(Number)
  const differences = a.split('.').map((part, i) => Number(part) - (others[i] ?? 0))
  return differences.find((difference) => difference !== 0) ?? 0
}
