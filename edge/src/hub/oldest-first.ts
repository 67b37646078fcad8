/** A map or a set whose insertion order is age. */
interface ByAge<Key> {
  readonly size: number
  keys(): Iterable<Key>
  delete(key: Key): boolean
}

/**
 * Forgets the oldest entries once there are more than `most`. A sixteenth of them goes at a time: V8
 * leaves a hole where an entry was deleted, and would pass all the holes again for each single one.
 */
export function forgetOldest<Key>(entries: ByAge<Key>, most: number): void {
  if (entries.size <= most) return
  let left = entries.size - most + (most >> 4)
  for (const key of entries.keys()) {
    if (left-- <= 0) break
    entries.delete(key)
  }
}
