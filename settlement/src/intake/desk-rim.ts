/** What a desk has from outside: time, chance, and where it tells of what nobody waits for. */
export interface DeskRim {
  /** Unix seconds. */
  now(): number
  /** In [0, 1). */
  random(): number
  /** Returns after `ms`, or as soon as `signal` aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** Something about one row that the desk goes on without; an operator should look. */
  problem?(about: { readonly id: string; readonly error: unknown }): void
}
