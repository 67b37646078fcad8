/**
 * Resolves after `ms`, or as soon as `signal` aborts. Leaves no timer, which would keep an object from its sleep, and
 * nothing at the signal, which lives as long as the object.
 */
export const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const stop = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      resolve()
    }
    const timer = setTimeout(stop, ms)
    signal.addEventListener('abort', stop)
  })
