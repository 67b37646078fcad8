/** When a `FrameMux` is to flush: now, at the end of this turn of the event loop, or within `delayMs`. */
export type FlushSchedule = (flush: () => void, delayMs: number) => void

/**
 * What is written first in a millisecond leaves at once: an agent with little to do adds no turn of the event
 * loop to a token. What follows in it leaves together, at the end of the turn. `now` in whole ms.
 */
export function flushSchedule(now: () => number): FlushSchedule {
  let flushedAt = Number.NaN
  return (flush, delayMs) => {
    if (delayMs > 0) {
      setTimeout(flush, delayMs)
      return
    }
    const at = now()
    if (at === flushedAt) {
      setImmediate(flush)
      return
    }
    flushedAt = at
    flush()
  }
}
