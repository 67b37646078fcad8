import type { LogLine } from '../../events.ts'

/** Workers Logs takes one JSON object per console line. */
export const workerLog: LogLine = (event, fields) => {
  // oxlint-disable-next-line no-console -- the platform's structured log
  console.log(JSON.stringify({ event, ...fields }))
}
