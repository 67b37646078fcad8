/** How often to look, and for how long. */
export interface PollTimes {
  readonly everyMs: number
  readonly waitMs: number
}

/** Reads until it is as wanted, or the time is over; what was read last. Throws what `read` throws. */
export async function pollUntil<T>(
  { everyMs, waitMs }: PollTimes,
  read: () => Promise<T>,
  isWanted: (value: T) => boolean,
): Promise<T> {
  for (let waited = 0; ; waited += everyMs) {
    const value = await read()
    if (isWanted(value) || waited >= waitMs) return value
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}
