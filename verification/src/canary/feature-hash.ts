/** Features of a request, as indexes into a table of this size with their weights; collisions are rare enough. */
export const FEATURE_DIMENSIONS = 2 ** 14

export type Features = readonly (readonly [index: number, value: number])[]

/** Where the feature of this name is, by FNV-1a. */
export function featureIndex(name: string): number {
  let hash = 0x811c_9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x0100_0193)
  return (hash ^ (hash >>> 15)) & (FEATURE_DIMENSIONS - 1)
}
