/** Aborted by SIGINT or SIGTERM, to stop in order; a second one of the same ends the process at once. */
export function untilStopped(): AbortController {
  const stopping = new AbortController()
  const stop = (): void => stopping.abort()
  process.once('SIGINT', stop).once('SIGTERM', stop)
  return stopping
}
